"""When cars arrive: at a constant rate, by chance (Poisson), or as a mall's day goes (rush hours)."""

import math
from collections.abc import Iterator
from enum import StrEnum
from typing import Final

from parkstream_generators.chance import drawn

DAY_SECONDS: Final = 86_400.0
HOURS: Final = (1, 1, 1, 1, 1, 2, 4, 8, 14, 18, 22, 26, 30, 28, 24, 22, 26, 34, 38, 32, 22, 12, 6, 2)
"""The day's shape: cars per hour, as parts of their sum; shopping peaks at noon and after work."""


class Pace(StrEnum):
    """The arrival curve."""

    CONSTANT = "constant"
    POISSON = "poisson"
    RUSH_HOURS = "rush_hours"


def arrivals(pace: Pace, rate: float, seed: int, *, first: int = 0, time_scale: float = 1.0) -> Iterator[float]:
    """Yield seconds since the start, without end, *rate* per second on average; car *first* is the first.

    A day of rush hours lasts ``86,400 / time_scale`` seconds; the start is midnight.
    """
    match pace:
        case Pace.CONSTANT:
            return _constant(rate)
        case Pace.POISSON:
            return _poisson(rate, seed, first)
        case Pace.RUSH_HOURS:
            return _rush_hours(rate, seed, first, DAY_SECONDS / time_scale)


def _constant(rate: float) -> Iterator[float]:
    number = 0
    while True:
        yield number / rate
        number += 1


def _poisson(rate: float, seed: int, number: int) -> Iterator[float]:
    at = 0.0
    while True:
        at -= math.log(1.0 - drawn(seed, "gap", number)) / rate
        number += 1
        yield at


def _rush_hours(rate: float, seed: int, first: int, day_seconds: float) -> Iterator[float]:
    """Bend a Poisson process: what would arrive evenly over the day arrives when its share of the day is over."""
    for even in _poisson(rate, seed, first):
        days, share = divmod(even / day_seconds, 1.0)
        yield (days + _time_of_share(share)) * day_seconds


def _time_of_share(share: float) -> float:
    """Return the part of the day after which *share* of its cars have come."""
    left = share * sum(HOURS)
    for hour, cars in enumerate(HOURS):
        if left < cars:
            return (hour + left / cars) / len(HOURS)
        left -= cars
    return 1.0
