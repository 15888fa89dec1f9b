"""A story as its page shows it: what is drawn, and what is listed."""

from datetime import datetime
from typing import Final

from msgspec import Struct
from parkstream_events.sightings import moment_of
from parkstream_events.summaries import Outcome
from parkstream_projection.questions.story_in_words import WAYS, Answer, Answers, answers
from parkstream_telemetry.tracecontext import trace_id_of, valid_traceparent
from parkstream_visits import PlateSighting, Rule, Story, VisitStory

from parkstream_console.pictures.lanes import Flag, Lanes, Mark

PENDING: Final = "pending"
ROWS_MAX: Final = 200
"""Sightings, revisions or visits that one page lists."""


class VisitRow(Struct, frozen=True):
    """A visit in a list."""

    visit_id: str
    outcome: str
    entry: datetime | None
    exit: datetime | None
    stay_ms: int | None
    revisions: int


class View(Struct, frozen=True, kw_only=True):
    """One visit, whole, and the others of its plate."""

    answer: Answer
    row: VisitRow
    drawn: Lanes
    trace_ids: list[str]
    recorded_us: list[int]
    """When the sightings were recorded whose traces these are."""
    superseded: list[str]
    """The visits that it took the place of."""
    others: list[VisitRow]


class PlateView(Struct, frozen=True):
    """All visits of a plate, the last first, and what is in none."""

    rows: list[VisitRow]
    left_out: int
    answers: Answers


def view_of(story: Story, visit_id: str, now_us: int) -> View | None:
    """Return the visit that the one with *visit_id* has become; None when *story* has none."""
    found = answers(story, visit_id).visits
    if not found:
        return None
    answer = next((one for one in found if one.visit_id == visit_id), found[-1])
    visit = next(one for one in story.visits if one.id == answer.visit_id)
    by_id = {one.id for one in story.visits}
    return View(
        answer=answer,
        row=_row(visit),
        drawn=_drawn(story, visit, now_us),
        trace_ids=_trace_ids(visit),
        recorded_us=[seen.recorded_at_us for seen in _ends(visit) if seen],
        superseded=[one.id for one in story.visits if _successor(one) == answer.visit_id and one.id in by_id],
        others=_latest([_row(one) for one in story.visits if one.id != answer.visit_id])[:ROWS_MAX],
    )


def plate_view_of(story: Story) -> PlateView:
    """Return all visits in *story*."""
    rows = _latest([_row(one) for one in story.visits])
    return PlateView(rows[:ROWS_MAX], len(rows[ROWS_MAX:]), answers(story))


def _latest(rows: list[VisitRow]) -> list[VisitRow]:
    return sorted(rows, key=lambda row: row.exit or row.entry or moment_of(0), reverse=True)


def _ends(visit: VisitStory) -> tuple[PlateSighting | None, PlateSighting | None]:
    """Return entry and exit of *visit*; of one that there is no more, those that it had."""
    if visit.visit is not None:
        return visit.visit.entry, visit.visit.exit
    emitted = [one.emitted for one in visit.revisions]
    last = next((one for one in reversed(emitted) if one.outcome is not Outcome.RETRACTED), emitted[-1])
    return last.entry, last.exit


def _row(visit: VisitStory) -> VisitRow:
    entry, exit_ = _ends(visit)
    outcome = visit.revisions[-1].emitted.outcome.value if visit.revisions else PENDING
    return VisitRow(
        visit.id,
        outcome,
        moment_of(entry.at_us) if entry else None,
        moment_of(exit_.at_us) if exit_ else None,
        (exit_.at_us - entry.at_us) // 1_000 if entry and exit_ else None,
        len(visit.revisions),
    )


def _successor(visit: VisitStory) -> str | None:
    return visit.revisions[-1].emitted.superseded_by if visit.revisions else None


def _trace_ids(visit: VisitStory) -> list[str]:
    """Return the trace of the exit, and that of the entry."""
    valid = (valid_traceparent(seen.traceparent) for seen in reversed(_ends(visit)) if seen)
    return [trace_id_of(one) for one in valid if one]


def _drawn(story: Story, visit: VisitStory, now_us: int) -> Lanes:
    judged = [(one.sighting, one.rule is not Rule.DUPLICATE) for one in story.sightings if one.visit_id == visit.id]
    seen = judged or [(one, True) for one in _ends(visit) if one]
    marks = [_mark(sighting, counts=counts) for sighting, counts in seen]
    flags = [
        Flag(one.emitted.revision, one.by.recorded_at_us, one.emitted.outcome, f"revision {one.emitted.revision}")
        for one in visit.revisions
    ]
    ended = [(one.pending, one.by.recorded_at_us) for one in visit.revisions if one.pending]
    waiting = [*ended, *([(visit.pending, now_us)] if visit.pending else [])]
    waits = [(max(story.recorded_us.get(one.since, one.due_us), one.due_us), end_us) for one, end_us in waiting]
    duplicates = sum(not one.counts for one in marks)
    label = f"{len(marks)} sightings, {duplicates} of them duplicates, and {len(flags)} revisions on a time axis"
    return Lanes(
        marks=marks,
        flags=flags,
        waits=[wait for wait in waits if wait[0] < wait[1]],
        label=f"{label}; the lists below say the same.",
    )


def _mark(seen: PlateSighting, *, counts: bool) -> Mark:
    way = WAYS[seen.way]
    title = f"{way if counts else f'duplicate {way}'}, record {seen.position}"
    return Mark(way, seen.at_us, seen.recorded_at_us, counts, title)
