"""Times, durations and gates as sentences for people write them."""

from typing import Final

from parkstream_events.decisions import Gate
from parkstream_events.sightings import moment_of
from parkstream_events.units import SECOND_US

_UNITS: Final = (("d", 86_400), ("h", 3_600), ("min", 60))


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
