"""The present: what the rules made of the log, its fenced commit, its hash and its outbox.

Reading order: codec (bytes), functions.lua (the only writers), store (load and commit), projector (fold), outbox (to be
delivered), reads (questions).
"""

from parkstream_projection.codec import fact_of, state_hash
from parkstream_projection.outbox import Entry, Outbox, Parked
from parkstream_projection.projector import NotLoadedError, Projector, SkippedError, Step
from parkstream_projection.reads import Inside, InsidePage, Outlook, PlateVisit, Present, Reads, Waiting
from parkstream_projection.store import HASH_EVERY, OtherRulesError, ProjectionError, StaleError

__all__ = [
    "HASH_EVERY",
    "Entry",
    "Inside",
    "InsidePage",
    "NotLoadedError",
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
    "Waiting",
    "fact_of",
    "state_hash",
]
