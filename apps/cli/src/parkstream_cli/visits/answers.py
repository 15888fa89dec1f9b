"""A plate's story as JSON: nothing shortened, every record with its position and trace."""

from datetime import datetime
from typing import Self

from msgspec import Struct
from parkstream_events.sightings import moment_of
from parkstream_events.summaries import Outcome, iso_duration
from parkstream_events.units import SECOND_US
from parkstream_visits import Judged, Pending, PlateSighting, Revision, Story, VisitStory

from parkstream_cli.visits.explanations import revision_in_words, rule_in_words, waiting_in_words

WAYS = ("entry", "exit")


class Sighting(Struct, frozen=True):
    """A record of the plate, and the rule that applied to it."""

    position: int
    direction: str
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
            seen.id,
            moment_of(seen.at_us),
            moment_of(recorded_us),
            seen.traceparent,
            judged.rule.value,
            judged.visit_id,
            judged.other.position if judged.other else None,
            rule_in_words(judged),
        )


class Said(Struct, frozen=True):
    """A revision: what it said, at which record's position, because of what."""

    revision: int
    outcome: Outcome
    entry_position: int | None
    exit_position: int | None
    duration: str | None
    superseded_by: str | None
    position: int
    said_at: datetime
    because: str
    held_since_position: int | None
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
    """What a visit that was not said yet waits for."""

    since_position: int
    direction: str
    due_us: int
    lateness_seconds: float
    why: str


class Answer(Struct, frozen=True):
    """A visit; *outcome* is the current one, None before anything was said."""

    visit_id: str
    vehicle_plate: str
    outcome: Outcome | None
    revisions: list[Said]
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
    told = [one for one in story.visits if visit_id is None or one.id in {visit_id, *wanted}]
    return Answers(
        story.plate,
        [_answer(story.plate, one, [seen for seen in sightings if seen.visit_id == one.id]) for one in told],
        [seen for seen in sightings if seen.visit_id is None],
    )


def duration_of(entry: PlateSighting | None, exit_: PlateSighting | None) -> str | None:
    """Return how long a stay took, if both its ends were seen."""
    return iso_duration((exit_.at_us - entry.at_us) // 1_000) if entry and exit_ else None


def _answer(plate: str, told: VisitStory, sightings: list[Sighting]) -> Answer:
    said = [Said.of(revision) for revision in told.revisions]
    waits = _waits(told.pending, waiting_in_words(told)) if told.pending else None
    return Answer(told.id, plate, said[-1].outcome if said else None, said, waits, sightings)


def _waits(held: Pending, why: str) -> Waits:
    return Waits(held.since, WAYS[held.waits_for], held.due_us, held.lateness_us / SECOND_US, why)
