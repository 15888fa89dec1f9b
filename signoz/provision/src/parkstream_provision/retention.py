"""How long SigNoz keeps each signal; a change is made in the background, so what it moves to counts as made."""

from typing import Final, NamedTuple

from parkstream_provision.api import Api
from parkstream_provision.shapes import Json, fields

DAY_HOURS: Final = 24


class Term(NamedTuple):
    """How long *signal* is kept, in hours."""

    signal: str
    hours: int


def terms(wanted: Json) -> list[Term]:
    """Return what ``retention.json`` asks for: ``logs_days``, ``traces_hours``, ``metrics_hours``."""
    hours = {"logs_days": DAY_HOURS, "traces_hours": 1, "metrics_hours": 1}
    return [Term(key.partition("_")[0], int(value) * hours[key]) for key, value in wanted.items() if key in hours]


def kept_hours(api: Api, signal: str) -> set[int]:
    """Return for how long *signal* is kept, and is to be kept."""
    version = "v2" if signal == "logs" else "v1"
    answer = api.get(f"/api/{version}/settings/ttl?type={signal}")
    names = [f"{signal}_ttl_duration_hrs", f"expected_{signal}_ttl_duration_hrs"]
    found = {_number(answer, name) for name in names} | {_number(answer, "default_ttl_days") * DAY_HOURS}
    return found - {0}


def keep(api: Api, term: Term) -> None:
    """Have SigNoz keep the signal for so long."""
    if term.signal == "logs":
        body: Json = {"type": "logs", "defaultTTLDays": term.hours // DAY_HOURS, "ttlConditions": []}
        api.call("POST", "/api/v2/settings/ttl", body)
    else:
        api.call("POST", f"/api/v1/settings/ttl?type={term.signal}&duration={term.hours}h")


def _number(answer: object, name: str) -> int:
    value = fields(answer).get(name)
    return int(value) if isinstance(value, int | float) and value > 0 else 0
