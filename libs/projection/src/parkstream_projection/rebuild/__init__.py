"""The log folded again, fast: another process reads, decodes and hashes, this one folds.

Reading order: source (which log), frames (what both processes say to each other), worker (the other process),
worker_process (how this one talks to it), replica (the fold), check (in memory, against what Redis holds), rebuilder
(into another version), switch (another version becomes live), run (all of it).
"""

from parkstream_projection.rebuild.changes import Rebuilt
from parkstream_projection.rebuild.check import Checked, Span, check
from parkstream_projection.rebuild.frames import Batch
from parkstream_projection.rebuild.rebuilder import BusyVersionError, DamagedVersionError, Rebuilder
from parkstream_projection.rebuild.source import Source
from parkstream_projection.rebuild.worker_process import ReadingError

__all__ = [
    "Batch",
    "BusyVersionError",
    "Checked",
    "DamagedVersionError",
    "ReadingError",
    "Rebuilder",
    "Rebuilt",
    "Source",
    "Span",
    "check",
]
