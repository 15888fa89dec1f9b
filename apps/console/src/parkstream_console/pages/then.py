"""What a URL asks about another time, and which part of the answer it shows."""

from collections.abc import Mapping
from datetime import datetime, tzinfo
from typing import Final
from urllib.parse import urlencode

from msgspec import Struct
from parkstream_eventlog import LogState
from parkstream_events.sightings import moment_of, normalised_plate
from parkstream_projection.questions.as_of import AsOf
from parkstream_projection.questions.moments import moment_us
from parkstream_projection.questions.what_if import NAMES, Changes, Otherwise, change_of
from parkstream_projection.reads import Inside
from parkstream_visits import Rules

from parkstream_console.pages.site import Look
from parkstream_console.travel.question import Question

PAGE: Final = 50
VISITS_MAX: Final = 200
STEPS: Final = 200
WHENS: Final = {
    "position": "Position",
    "recorded": "Recorded time: what was known then",
    "event": "Event time: what was true then",
}
"""Parameter of the URL to what it means."""
TIMES: Final = "write 2026-11-27T08:00, 08:00 (today) or -15m (before now; s, m, h, d)"


class WrongQuestionError(ValueError):
    """It cannot be asked; the text says what can."""


class Slider(Struct, frozen=True):
    """A slider over the positions of a log; the end is among its steps."""

    first: int
    last: int
    step: int


class CarsPage(Struct, frozen=True):
    """Some of the cars that were inside: page *number* of *pages*; *found* of *total* are what was looked for."""

    cars: list[Inside]
    number: int
    pages: int
    found: int
    total: int


def slider_of(end: int) -> Slider:
    """Return the slider for a log that ends at *end*."""
    step = max(1, end // STEPS)
    return Slider((end - 1) % step + 1 if end else 0, end, step)


def question_of(query: Mapping[str, str], state: LogState, zone: tzinfo) -> Question | None:
    """Return what *query* asks of the log in *state*, None for nothing; raise ``WrongQuestionError``."""
    given = [name for name in WHENS if query.get(name, "").strip()]
    if not given:
        return None
    if len(given) > 1:
        message = f"Ask for one of {', '.join(WHENS)}, not for several."
        raise WrongQuestionError(message)
    plate, text = plate_in(query), query[given[0]].strip()
    match given[0]:
        case "position":
            then = AsOf(to=_position(text, state.position), plate=plate, inside=True)
        case "recorded":
            then = AsOf(recorded_at=_moment(text, state.now_us, zone), plate=plate, inside=True)
        case _:
            then = AsOf(occurred_at=_moment(text, state.now_us, zone), plate=plate, inside=True)
    return Question(log_id=state.log_id, then=then)


def lasting_query(query: Mapping[str, str], then: AsOf) -> dict[str, str]:
    """Return *query* so that it asks *then* later on, too: a time such as -15m is another one by then."""
    moments = {"recorded": then.recorded_at, "event": then.occurred_at}
    return {**query, **{name: written(moment) for name, moment in moments.items() if moment is not None}}


def written(moment: datetime) -> str:
    """Return *moment* as a URL has it."""
    return moment.isoformat().replace("+00:00", "Z")


def with_changes(path: str, query: Mapping[str, str], **changes: object) -> str:
    """Return the URL of *path* with *query* and *changes* to it; what is empty is left out."""
    asked = {name: str(value) for name, value in {**query, **changes}.items()}
    return f"{path}?{urlencode({name: value for name, value in asked.items() if value})}"


def plate_in(query: Mapping[str, str]) -> str | None:
    """Return the plate in *query*, if there is one; raise ``WrongQuestionError`` when it is none."""
    text = query.get("plate", "").strip()
    try:
        return normalised_plate(text) if text else None
    except ValueError as error:
        message = f"{text!r}: {error}."
        raise WrongQuestionError(message) from error


def _position(text: str, end: int) -> int:
    digits = text.replace(",", "")
    if not (digits.isascii() and digits.isdigit() and len(digits) < len("9" * 19) and 1 <= int(digits) <= end):
        about = f"give one from 1 to {end:,}" if end else "nothing is recorded yet"
        message = f"The log has no position {text!r}: {about}."
        raise WrongQuestionError(message)
    return int(digits)


def _moment(text: str, now_us: int, zone: tzinfo) -> datetime:
    try:
        at_us = moment_us(text, now_us, zone)
        moment = moment_of(at_us)
    except (ValueError, OverflowError) as error:
        message = f"{text!r} is no time: {TIMES}."
        raise WrongQuestionError(message) from error
    if at_us > now_us:
        message = f"{text!r} is yet to come: ask for a time up to now."
        raise WrongQuestionError(message)
    return moment


def what_if_of(query: Mapping[str, str], state: LogState, rules: Rules) -> Question | None:
    """Return what *query* asks about rules other than *rules*, None for nothing; raise ``WrongQuestionError``."""
    changes = changes_in(query, rules)
    plate = plate_in(query)
    if not any(query.get(name, "").strip() for name in NAMES):
        return None
    if plate is None:
        message = "Give the plate whose visits are to be looked at."
        raise WrongQuestionError(message)
    if not changes:
        message = "Change at least one of the rules: with those in force nothing differs."
        raise WrongQuestionError(message)
    return Question(log_id=state.log_id, otherwise=Otherwise(changes=changes, plate=plate))


def changes_in(query: Mapping[str, str], rules: Rules) -> Changes:
    """Return which rules *query* sets to something else than *rules* has; raise ``WrongQuestionError``."""
    changes: Changes = {}
    for name in NAMES:
        text = query.get(name, "").strip()
        try:
            field, amount_us = change_of(name, text) if text else ("", 0)
        except ValueError as error:
            message = f"{name}: {error}."
            raise WrongQuestionError(message) from error
        if field and amount_us != getattr(rules, field):
            changes[field] = amount_us
    return changes


def cars_page(inside: list[Inside], look: Look, find: str, number: str) -> CarsPage:
    """Return the page of those *inside* whose plates, as this viewer sees them, have *find* in them."""
    wanted = find.strip().upper()
    found = [car for car in inside if wanted in look.plate(car.vehicle_plate)] if wanted else inside
    pages = max(1, -(-len(found) // PAGE))
    at = min(max(1, int(number)), pages) if number.isascii() and number.isdigit() and len(number) < PAGE else 1
    return CarsPage(found[(at - 1) * PAGE : at * PAGE], at, pages, len(found), len(inside))
