"""The present: what the rules made of the log, its fenced commit, its hash and its outbox.

Reading order: codec (bytes), functions.lua (the only writers), store (load and commit), projector (fold), outbox (to
be delivered), reads (questions); versions and switching.lua (which is live), comparing and
differences (how two compare).
"""

from parkstream_projection.codec import recorded_event_of, state_hash
from parkstream_projection.comparison import Compared, Comparison
from parkstream_projection.differences import Difference, restating
from parkstream_projection.outbox import Entry, Outbox, Parked
from parkstream_projection.projector import NotLoadedError, Projector, SkippedError, Step
from parkstream_projection.reads import Inside, InsidePage, Outlook, PlateVisit, Present, Reads, Waiting
from parkstream_projection.store import HASH_EVERY, NotLiveError, OtherRulesError, ProjectionError, StaleError
from parkstream_projection.versions import LiveVersionError, NoVersionError, OtherLiveError, Version, Versions

__all__ = [
    "HASH_EVERY",
    "Compared",
    "Comparison",
    "Difference",
    "Entry",
    "Inside",
    "InsidePage",
    "LiveVersionError",
    "NoVersionError",
    "NotLiveError",
    "NotLoadedError",
    "OtherLiveError",
    "OtherRulesError",
    "Outbox",
    "Outlook",
    "Parked",
    "PlateVisit",
    "Present",
    "ProjectionError",
    "Projector",
    "Reads",
    "SkippedError",
    "StaleError",
    "Step",
    "Version",
    "Versions",
    "Waiting",
    "recorded_event_of",
    "restating",
    "state_hash",
]
