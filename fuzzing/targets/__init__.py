"""Each decoder of what others wrote.

Reading order: events, letters, records, imports, archives, summaries, headers, settings.
"""

from fuzzing.target import Target
from fuzzing.targets import archives, events, headers, imports, letters, records, settings, summaries

ALL: tuple[Target, ...] = (
    *events.TARGETS,
    *letters.TARGETS,
    *records.TARGETS,
    *imports.TARGETS,
    *archives.TARGETS,
    *summaries.TARGETS,
    *headers.TARGETS,
    *settings.TARGETS,
)
