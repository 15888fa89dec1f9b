"""What tools print: JSON for programs, times and texts for people."""

import os
import signal
import sys
from typing import Any, Final

import msgspec
from parkstream_events.decisions import Gate
from parkstream_events.sightings import moment_of
from parkstream_events.units import SECOND_US

READER_GONE: Final = 128 + signal.SIGPIPE
_UNITS: Final = (("d", 86_400), ("h", 3_600), ("min", 60))


def as_json(value: Any) -> None:  # noqa: ANN401 - whatever msgspec encodes
    """Print *value* as one line of JSON, at once."""
    _print(msgspec.json.encode(value).decode())


def line(text: str = "") -> None:
    """Print *text*, at once; what could steer a terminal is shown instead of sent."""
    _print(plain(text))


def note(text: str) -> None:
    """Tell people *text*, beside what is printed."""
    sys.stderr.write(plain(text) + "\n")


def _print(text: str) -> None:
    try:
        sys.stdout.write(text + "\n")
        sys.stdout.flush()
    except BrokenPipeError as error:  # Whoever read it has seen enough, as `head` does.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(READER_GONE) from error


def plain(text: str) -> str:
    """Return *text* with its control characters as escapes, line breaks aside."""
    return "".join(c if c.isprintable() or c == "\n" else c.encode("unicode_escape").decode() for c in text)


def gate_in_words(gate: Gate) -> str:
    """Return how a gate is called: its direction, and its name if it has one."""
    return f"{gate.direction.name.lower()} gate {gate.name}" if gate.name else f"{gate.direction.name.lower()} gates"


def at(moment_us: int) -> str:
    """Return a time (microseconds since 1970) as UTC; some that are waited for lie beyond the calendar."""
    try:
        return f"{moment_of(moment_us):%Y-%m-%d %H:%M:%S.%f}Z"
    except OverflowError:
        return f"{moment_us} µs"


def lasting(microseconds: int) -> str:
    """Return a duration in its greatest units: ``2 d 3 h``, ``4 min 5 s``, ``0.25 s``."""
    seconds = abs(microseconds) / SECOND_US
    for nth, (unit, length) in enumerate(_UNITS):
        if seconds >= length:
            smaller, smaller_length = (*_UNITS, ("s", 1))[nth + 1]
            rest = int(seconds % length) // smaller_length
            return f"{int(seconds) // length} {unit}" + (f" {rest} {smaller}" if rest else "")
    return f"{seconds:.3g} s"
