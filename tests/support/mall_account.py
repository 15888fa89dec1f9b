"""Half an hour and a little of a mall, second by second: what really happened, whatever telemetry says of it.

Traffic, then an outage of the summary API, a burst of dead letters, a pause of recording, twelve minutes without cars,
cars again, and a replay.
"""

from bisect import bisect_right
from collections.abc import Iterator
from typing import NamedTuple

MINUTES = 33
SECONDS = MINUTES * 60
AWAY = range(360, 560)
"""The summary API is away, for 200 s."""
REFUSED = {t: "not_json" if t % 3 else "unknown_version" for t in range(670, 682)}
"""When a dead letter came, and why it was refused."""
PAUSED = range(790, 810)
GAP = range(900, 1620)
REPLAY = 1700
FIRST_INSIDE = 100
WAIT_HELD_SECONDS = 2.0
STEP_SECONDS = 0.004
"""From one step of an exit to the next, while nothing is wrong."""


class Exit(NamedTuple):
    """A car that left at *at* (seconds), and when each step of it began."""

    at: int
    recorded: float
    projected: float
    written: float
    held: bool

    @property
    def e2e_ms(self) -> float:
        return (self.written - self.at) * 1000


def traffic(t: int) -> bool:
    """Return whether a car enters and one leaves in the second *t*."""
    return t not in GAP


def exits() -> Iterator[Exit]:
    """Yield every exit, in the order in which they left."""
    waiting = 0
    for t in filter(traffic, range(SECONDS)):
        held = t % 10 == 9
        recorded = (PAUSED.stop + 0.002 * (t - PAUSED.start) if t in PAUSED else float(t)) + STEP_SECONDS
        projected = recorded + STEP_SECONDS + (WAIT_HELD_SECONDS if held else 0)
        written = projected + 2 * STEP_SECONDS + (t % 7) / 1000
        if AWAY.start <= projected < AWAY.stop:
            waiting += 1
            written = AWAY.stop + 0.02 * waiting
        yield Exit(t, recorded, projected, written, held)


EXITS = list(exits())
LEFT, RECORDED, WRITTEN = (sorted(getattr(one, step) for one in EXITS) for step in ("at", "recorded", "written"))


def entered(t: float) -> int:
    """Return how many cars have entered until *t*; as many have left."""
    return bisect_right(LEFT, t)


def written(t: float) -> int:
    return bisect_right(WRITTEN, t)


def recorded(t: float) -> int:
    """Return how many events of one camera were recorded until *t*."""
    return bisect_right(RECORDED, t)


def refused(t: float, reason: str = "") -> int:
    return sum(1 for at, why in REFUSED.items() if at <= t and reason in {"", why})


def waiting_in_queue(t: float) -> int:
    """Return how many messages wait in each work queue."""
    return sum(1 for one in EXITS if one.at <= t < one.recorded and one.recorded - one.at > 1)


def undelivered(t: float) -> list[Exit]:
    return [one for one in EXITS if one.projected <= t < one.written]


def oldest_seconds(t: float) -> float:
    return max((t - one.projected for one in undelivered(t)), default=0.0)


def pending(t: float) -> int:
    """Return how many visits wait for a sighting."""
    return sum(1 for one in EXITS if one.held and one.recorded <= t < one.projected)


def inside(t: float) -> int:
    return FIRST_INSIDE + int(t // 60)


def paused(t: float) -> int:
    return int(int(t) in PAUSED)


def delivery_failing(t: float) -> int:
    return int(int(t) in AWAY[10:])


def lag(t: float) -> int:
    """Return how many records wait to be projected: right after the pause, for 15 seconds."""
    return 40 if PAUSED.stop <= t < PAUSED.stop + 15 else 0
