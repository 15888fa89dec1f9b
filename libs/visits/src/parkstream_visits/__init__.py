"""The rules: sightings in, visits out; no I/O, no clock, no chance.

Reading order: rules (what may be set), pairing (a plate's sightings to visits), memory (what is remembered),
agenda (what waits for a clock), fold (record by record, what is said and when), restating (what another version said
otherwise), digest (the state hash), judging and story (which rules applied to one plate's sightings, and why what was
said was said). Questions to a log: known (what was known then), happened (what was true then), what_if (other rules),
reenacting.
"""

from parkstream_visits.emitted import Spoken, summary_of
from parkstream_visits.fold import Fact, Fold, MissingPlateError, Unreadable, reach
from parkstream_visits.judgement import Judged, Rule, judged
from parkstream_visits.plate_visits import Seen, Visit, visits_of
from parkstream_visits.rules import RULES_VERSION, Rules
from parkstream_visits.state import Clock, Counters, Plate, Said, State
from parkstream_visits.state_hash import entity_hash
from parkstream_visits.story import Because, Held, Revision, Story, Telling, Told
from parkstream_visits.timers import Agenda, AgendaQueue

__all__ = [
    "RULES_VERSION",
    "Agenda",
    "AgendaQueue",
    "Because",
    "Clock",
    "Counters",
    "Fact",
    "Fold",
    "Held",
    "Judged",
    "MissingPlateError",
    "Plate",
    "Revision",
    "Rule",
    "Rules",
    "Said",
    "Seen",
    "Spoken",
    "State",
    "Story",
    "Telling",
    "Told",
    "Unreadable",
    "Visit",
    "entity_hash",
    "judged",
    "reach",
    "summary_of",
    "visits_of",
]
