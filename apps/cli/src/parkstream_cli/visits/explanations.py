"""Why, in words: the rule that applied to a sighting, and what made a revision be said."""

from typing import assert_never

from parkstream_events.decisions import WatermarkAdvanced
from parkstream_visits import Because, Judged, Pending, PlateSighting, Revision, Rule, VisitStory

from parkstream_cli.output import at, gate_in_words, lasting


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
    return f"the {('entry', 'exit')[seen.way]} of {at(seen.at_us)} (record {seen.position})"


def revision_in_words(revision: Revision) -> str:  # noqa: PLR0911 - one per reason
    """Return why a revision was said, and when."""
    emitted, by = revision.emitted, revision.by.position
    match revision.because:
        case Because.COMPLETE:
            return f"said at once by record {by}: it rests on sightings that exist"
        case Because.OVERDUE:
            return f"said at once by record {by}: every gate had already reported beyond it"
        case Because.CAUGHT_UP:
            return f"{_held(revision.pending)}; released by record {by}, a later sighting of the slowest gate"
        case Because.SILENCE | Because.BEHIND | Because.HOLD_MAX:
            return f"{_held(revision.pending)}; released by decision {by} because {_decided(revision)}"
        case Because.RULES_CHANGED:
            return f"{_held(revision.pending)}; released by record {by}, which changed the rules"
        case Because.CORRECTED:
            return f"corrected by record {by}: {_seen(emitted.cause)} came later"
        case Because.SUPERSEDED:
            heir = f", the car's stay is in {emitted.superseded_by} now" if emitted.superseded_by else ""
            return f"superseded by record {by}: {_seen(emitted.cause)} came later{heir}"
        case Because.RESTATED:
            return f"said again by decision {by}: another version of the projection became live, and reads it so"
    assert_never(revision.because)


def waiting_in_words(told: VisitStory) -> str:
    """Return what a visit that was not said yet waits for."""
    return _held(told.pending) if told.pending else "not said"


def _held(held: Pending | None) -> str:
    if held is None:
        return "pending"
    until = f"{at(held.due_us)} + {lasting(held.lateness_us)}"
    return f"pending since record {held.since} until every gate has reported beyond {until}"


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
