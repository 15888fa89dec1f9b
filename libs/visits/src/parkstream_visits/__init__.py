"""The rules: sightings in, visits out; no I/O, no clock, no chance.

Reading order: rules (what may be set), plate_visits (a plate's sightings to visits), state (what is remembered), timers
(what waits for a clock), fold (record by record, what is emitted and when), plate_ledger, shortcuts, restatement (what
another version emitted otherwise), judgement and story (which rules applied to a plate's sightings, and why
a revision was emitted). Questions to a log: as_of_recorded_time (what we knew), as_of_event_time (what was true),
what_if (other rules), reenactment.
"""

from parkstream_visits.emitted import Emitted, summary_of
from parkstream_visits.fold import Fold, MissingPlateError
from parkstream_visits.judgement import Judged, Rule, judged
from parkstream_visits.plate_visits import PlateSighting, Visit, visits_of
from parkstream_visits.reach import reach
from parkstream_visits.recorded_event import RecordedEvent, Unreadable
from parkstream_visits.rules import RULES_VERSION, Rules
from parkstream_visits.state import Clock, Counters, LastEmitted, Plate, State
from parkstream_visits.story import Because, Pending, RememberedStory, Revision, Story, StoryFold, VisitStory
from parkstream_visits.timers import Timer, TimerQueue

__all__ = [
    "RULES_VERSION",
    "Because",
    "Clock",
    "Counters",
    "Emitted",
    "Fold",
    "Judged",
    "LastEmitted",
    "MissingPlateError",
    "Pending",
    "Plate",
    "PlateSighting",
    "RecordedEvent",
    "RememberedStory",
    "Revision",
    "Rule",
    "Rules",
    "State",
    "Story",
    "StoryFold",
    "Timer",
    "TimerQueue",
    "Unreadable",
    "Visit",
    "VisitStory",
    "judged",
    "reach",
    "summary_of",
    "visits_of",
]
