"""The present: what the rules made of the log, its fenced commit, its hash and its outbox.

Reading order, the engine: definition (what a domain hands in), lua/projection.lua and lua/outbox.lua (the only
writers), store (load and commit), touched_part and projector (fold), outbox (to be delivered), memory_fold, state_hash.
Then visits: visits.definition and codec, reads (questions), versions and lua/versions.lua (which is live), comparison
and differences (how two compare); rebuild (another version, and the switch to it), questions (another time, other
rules, one car), verify (whether all of it agrees).
"""

from parkstream_projection.codec import recorded_event_of, state_hash
from parkstream_projection.comparison import Compared, Comparison
from parkstream_projection.differences import Difference, restating
from parkstream_projection.outbox import Entry, Outbox, Parked
from parkstream_projection.present import Present
from parkstream_projection.projector import NotLoadedError, Projector, SkippedError, Step
from parkstream_projection.reads import Inside, InsidePage, Outlook, PlateVisit, Reads, Waiting
from parkstream_projection.store import (
    HASH_EVERY,
    IncompleteStateError,
    NotLiveError,
    OtherRulesError,
    ProjectionError,
    StaleError,
)
from parkstream_projection.versions import (
    LiveVersionError,
    NoEarlierVersionError,
    NoVersionError,
    OtherLiveError,
    Version,
    Versions,
)

__all__ = [
    "HASH_EVERY",
    "Compared",
    "Comparison",
    "Difference",
    "Entry",
    "IncompleteStateError",
    "Inside",
    "InsidePage",
    "LiveVersionError",
    "NoEarlierVersionError",
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
