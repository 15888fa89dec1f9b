"""A plate's story as JSON: every record with its position and trace, and in words which rule applied and why."""

from datetime import datetime
from typing import Self, assert_never

from msgspec import Struct
from parkstream_events.decisions import WatermarkAdvanced
from parkstream_events.sightings import moment_of
from parkstream_events.summaries import Outcome, iso_duration
from parkstream_events.units import SECOND_US
from parkstream_visits import Because, Judged, Pending, PlateSighting, Revision, Rule, Story, VisitStory

from parkstream_projection.questions.words import at, gate_in_words, lasting

WAYS = ("entry", "exit")


class Sighting(Struct, frozen=True):
    """A record of the plate, and the rule that applied to it."""

    position: int
    direction: str
    gate: str
    """Empty when its camera named none."""
    event_id: str
    happened_at: datetime
    recorded_at: datetime
    traceparent: str | None
    rule: str
    visit_id: str | None
    judged_by_position: int | None
    why: str

    @classmethod
    def of(cls, judged: Judged, recorded_us: int) -> Self:
        """Return the sighting that was *judged*."""
        seen = judged.sighting
        return cls(
            seen.position,
            WAYS[seen.way],
            seen.gate,
            seen.id,
            moment_of(seen.at_us),
            moment_of(recorded_us),
            seen.traceparent,
            judged.rule.value,
            judged.visit_id,
            judged.other.position if judged.other else None,
            rule_in_words(judged),
        )


class EmittedRevision(Struct, frozen=True):
    """A revision: what it says, at which record's position, because of what."""

    revision: int
    outcome: Outcome
    entry_position: int | None
    exit_position: int | None
    duration: str | None
    superseded_by: str | None
    position: int
    emitted_at: datetime
    because: str
    pending_since_position: int | None
    cause_position: int
    traceparent: str | None
    """Of the sighting that caused it: whose trace the summary goes on with."""
    why: str

    @classmethod
    def of(cls, revision: Revision) -> Self:
        """Return *revision*."""
        emitted = revision.emitted
        return cls(
            emitted.revision,
            emitted.outcome,
            emitted.entry.position if emitted.entry else None,
            emitted.exit.position if emitted.exit else None,
            duration_of(emitted.entry, emitted.exit),
            emitted.superseded_by,
            emitted.position,
            moment_of(revision.by.recorded_at_us),
            revision.because.value,
            revision.pending.since if revision.pending else None,
            emitted.cause.position,
            emitted.cause.traceparent,
            revision_in_words(revision),
        )


class Waits(Struct, frozen=True):
    """What a pending visit waits for."""

    since_position: int
    direction: str
    due_us: int
    lateness_seconds: float
    why: str


class Answer(Struct, frozen=True):
    """A visit; *outcome* is the current one, None before anything was emitted."""

    visit_id: str
    vehicle_plate: str
    outcome: Outcome | None
    revisions: list[EmittedRevision]
    waits: Waits | None
    sightings: list[Sighting]


class Answers(Struct, frozen=True):
    """A plate's visits, and its sightings that are in none."""

    vehicle_plate: str
    visits: list[Answer]
    other_sightings: list[Sighting]


def answers(story: Story, visit_id: str | None = None) -> Answers:
    """Return *story* as JSON is made of it: all visits, or those that the one asked for has become."""
    wanted = {
        judged.visit_id
        for judged in story.sightings
        if visit_id in {judged.sighting.visit_id, judged.sighting.visit_id.rpartition("@")[0]}
    }
    sightings = [Sighting.of(judged, story.recorded_us[judged.sighting.position]) for judged in story.sightings]
    visits = [one for one in story.visits if visit_id is None or one.id in {visit_id, *wanted}]
    return Answers(
        story.plate,
        [_answer(story.plate, one, [seen for seen in sightings if seen.visit_id == one.id]) for one in visits],
        [seen for seen in sightings if seen.visit_id is None],
    )


def names_in(found: Answers) -> set[str]:
    """Return by which names an act may be about *found*: of its visits, events and records."""
    sightings = [*found.other_sightings, *(seen for visit in found.visits for seen in visit.sightings)]
    return {
        *(visit.visit_id for visit in found.visits),
        *(name for seen in sightings for name in (seen.event_id, f"record {seen.position}")),
    }


def duration_of(entry: PlateSighting | None, exit_: PlateSighting | None) -> str | None:
    """Return how long a stay took, if both its ends were seen."""
    return iso_duration((exit_.at_us - entry.at_us) // 1_000) if entry and exit_ else None


def _answer(plate: str, story: VisitStory, sightings: list[Sighting]) -> Answer:
    revisions = [EmittedRevision.of(revision) for revision in story.revisions]
    waits = _waits(story.pending, waiting_in_words(story)) if story.pending else None
    return Answer(story.id, plate, revisions[-1].outcome if revisions else None, revisions, waits, sightings)


def _waits(pending: Pending, why: str) -> Waits:
    return Waits(pending.since, WAYS[pending.waits_for], pending.due_us, pending.lateness_us / SECOND_US, why)


def rule_in_words(judged: Judged) -> str:  # noqa: PLR0911 - one per rule
    """Return which rule applied to a sighting."""
    other, limit = judged.other, lasting(judged.limit_us or 0)
    match judged.rule:
        case Rule.OPENED if other is None:
            return f"opened the visit {judged.visit_id}"
        case Rule.OPENED:
            return f"opened the visit {judged.visit_id}; no exit was seen until {_seen(other)}"
        case Rule.COMPLETED:
            return f"completed the visit {judged.visit_id}: within {limit} of {_seen(other)}"
        case Rule.DUPLICATE:
            return f"a duplicate read of {_seen(other)}: less than {limit} after it"
        case Rule.NO_ENTRY:
            return f"an exit without an entry, the visit {judged.visit_id}: {_why_no_entry(judged)}"
        case Rule.TOO_MANY:
            return "one more than are kept of a plate, and changes nothing"
        case Rule.TOO_LATE:
            return f"too late: it could come until {at(judged.limit_us or 0)}, and changes nothing"
        case Rule.REPEATED:
            return f"{_seen(other)} once more, and changes nothing"
    assert_never(judged.rule)


def _why_no_entry(judged: Judged) -> str:
    if judged.other is None:
        return "nothing was seen of the car before"
    if judged.limit_us is None:
        return f"it had left already, by {_seen(judged.other)}"
    return f"{_seen(judged.other)} is longer ago than {lasting(judged.limit_us)}"


def _seen(seen: PlateSighting | None) -> str:
    if seen is None:
        return "a sighting"
    return f"the {WAYS[seen.way]} of {at(seen.at_us)} (record {seen.position})"


def revision_in_words(revision: Revision) -> str:  # noqa: PLR0911 - one per reason
    """Return why a revision was emitted, and when."""
    emitted, by = revision.emitted, revision.by.position
    match revision.because:
        case Because.COMPLETE:
            return f"emitted at once by record {by}: it rests on sightings that exist"
        case Because.OVERDUE:
            return f"emitted at once by record {by}: every gate had already reported beyond it"
        case Because.CAUGHT_UP:
            return f"{_pending(revision.pending)}; released by record {by}, a later sighting of the slowest gate"
        case Because.SILENCE | Because.BEHIND | Because.HOLD_MAX:
            return f"{_pending(revision.pending)}; released by decision {by} because {_decided(revision)}"
        case Because.RULES_CHANGED:
            return f"{_pending(revision.pending)}; released by record {by}, which changed the rules"
        case Because.CORRECTED:
            return f"corrected by record {by}: {_seen(emitted.cause)} came later"
        case Because.SUPERSEDED:
            successor = f", the car's stay is in {emitted.superseded_by} now" if emitted.superseded_by else ""
            return f"superseded by record {by}: {_seen(emitted.cause)} came later{successor}"
        case Because.RESTATED:
            return f"restated by decision {by}: another version of the projection became live, and reads it so"
    assert_never(revision.because)


def waiting_in_words(story: VisitStory) -> str:
    """Return what a pending visit waits for."""
    return _pending(story.pending) if story.pending else "not emitted"


def _pending(pending: Pending | None) -> str:
    if pending is None:
        return "pending"
    until = f"{at(pending.due_us)} + {lasting(pending.lateness_us)}"
    return f"pending since record {pending.since} until every gate has reported beyond {until}"


def _decided(revision: Revision) -> str:
    event = revision.by.event
    assert isinstance(event, WatermarkAdvanced)
    gates = ", ".join(gate_in_words(gate) for gate in event.gates)
    match event.because:
        case "silence":
            return f"nothing came from {gates} for the whole silence grace (silence)"
        case "behind":
            return f"what comes from {gates} is old (behind)"
        case "hold_max":
            return "it was pending for too long (hold_max)"
