"""How gates are written: ``north=0.6,south=0.4``, and their faults: ``south:delay=5,south:creep=10/20``."""

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from msgspec.structs import replace

from parkstream_generators.gates import Creep, Gate, Outage

NAME_LENGTH_MAX: Final = 100
_NAME: Final = re.compile(rf"[^,:=\s]{{1,{NAME_LENGTH_MAX}}}")
_SECONDS_MAX: Final = 10 * 365 * 86_400.0
_SKEW_SECONDS_MAX: Final = 86_400.0
_READS_MIN: Final = 2
_READS_MAX: Final = 1_000
_PER_SECOND_MAX: Final = 1_000.0


def gates_of(names: Sequence[str], faults: Sequence[str]) -> list[Gate]:
    """Return the gates that *names* and *faults* describe, one without a name when there are no names.

    Raises ``ValueError``, which says in one line all that is wrong.
    """
    errors: list[str] = []
    gates = {gate.name: gate for gate in _each(names, _gate, errors)}
    if len(gates) < len(names) and not errors:
        errors.append("PARKSTREAM_GATES names a gate twice")
    gates = gates or {"": Gate()}
    for concerned, change in _each(faults, lambda text: _fault(text, gates), errors):
        for name in concerned:
            gates[name] = replace(gates[name], faults=replace(gates[name].faults, **change))
    if errors:
        raise ValueError("; ".join(errors))
    return list(gates.values())


def _each(texts: Sequence[str], read: Callable[[str], Any], errors: list[str]) -> Iterator[Any]:
    for text in texts:
        try:
            yield read(text)
        except ValueError as error:
            errors.append(str(error))


def _gate(text: str) -> Gate:
    name, equals, share = text.partition("=")
    weight = _number(share, _PER_SECOND_MAX) if equals else 1.0
    if _NAME.fullmatch(name) is None or not weight:
        message = f"PARKSTREAM_GATES has {text!r}; it takes NAME or NAME=SHARE, as in north=0.6,south=0.4"
        raise ValueError(message)
    return Gate(name, weight)


def _fault(text: str, gates: Mapping[str, Gate]) -> tuple[list[str], dict[str, Any]]:
    """Return the gates that *text* concerns, and what it changes of their faults."""
    name, colon, fault = text.rpartition(":")
    knob, _, value = fault.partition("=")
    if colon and name not in gates:
        named = ", ".join(filter(None, gates)) or "none: PARKSTREAM_GATES is not set"
        message = f"PARKSTREAM_GATE_FAULTS has {text!r}; the gates are {named}"
        raise ValueError(message)
    how, read = _KNOBS.get(knob, ("", None))
    change = read(value) if read else None
    if change is None:
        takes = how or f"[GATE:]KNOB=VALUE; the knobs are {', '.join(_KNOBS)}"
        message = f"PARKSTREAM_GATE_FAULTS has {text!r}; it takes {takes}"
        raise ValueError(message)
    return [name] if colon else list(gates), change


def _number(text: str, most: float, least: float = 0.0) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) and least <= number <= most else None


def _delay(text: str) -> dict[str, Any] | None:
    seconds = _number(text, _SECONDS_MAX)
    return None if seconds is None else {"delay_seconds": seconds}


def _skew(text: str) -> dict[str, Any] | None:
    seconds = _number(text, _SKEW_SECONDS_MAX, -_SKEW_SECONDS_MAX)
    return None if seconds is None else {"skew_seconds": seconds}


def _outage(text: str) -> dict[str, Any] | None:
    begins, _, lasts = text.partition("/")
    times = _number(begins, _SECONDS_MAX), _number(lasts, _SECONDS_MAX)
    return None if times[0] is None or times[1] is None else {"outage": Outage(times[0], times[1])}


def _creep(text: str) -> dict[str, Any] | None:
    reads, _, seconds_text = text.partition("/")
    seconds = _number(seconds_text, _SECONDS_MAX)
    if not reads.isdecimal() or not _READS_MIN <= int(reads) <= _READS_MAX or not seconds:
        return None
    return {"creep": Creep(int(reads), seconds)}


def _placeholders(text: str) -> dict[str, Any] | None:
    rate = _number(text, _PER_SECOND_MAX)
    return None if rate is None else {"placeholders_per_second": rate}


def _ids(text: str) -> dict[str, Any] | None:
    return {"daily_ids": text == "daily"} if text in {"daily", "uuid"} else None


_KNOBS: Final[dict[str, tuple[str, Callable[[str], dict[str, Any] | None]]]] = {
    "delay": ("delay=SECONDS: its events are published so much later", _delay),
    "outage": ("outage=BEGINS/LASTS, both in seconds from the start: its events wait, then come at once", _outage),
    "skew": ("skew=SECONDS: its clock is so far ahead, or behind if negative", _skew),
    "creep": (f"creep=READS/SECONDS: each car is read {_READS_MIN} to {_READS_MAX} times within SECONDS", _creep),
    "placeholders": ("placeholders=RATE: so many reads without a plate per second, as UNKNOWN", _placeholders),
    "ids": ("ids=daily (1, 2, 3 … each day) or ids=uuid", _ids),
}
