"""Half an hour and a little of a mall, second by second: what really happened, whatever telemetry says of it.

Traffic, a gate that is behind, then another; an outage of the summary API, a burst of dead letters, a pause of
recording, and twelve minutes without cars, in which Redis is unsafe, its clock steps, and it holds another log. Cars
again, a replay, and refused messages that cannot become dead letters for a while.
"""

from bisect import bisect_right
from collections.abc import Iterator
from typing import NamedTuple

MINUTES = 33
SECONDS = MINUTES * 60
AWAY = range(360, 560)
"""The summary API is away, for 200 s."""
NODE_AWAY = range(1100, 1280)
STUCK, STUCK_MESSAGES = range(1700, 1860), 3
"""When messages were refused that could not become dead letters; they did when it was over."""
REFUSED = {t: "not_json" if t % 3 else "unknown_version" for t in range(670, 682)}
REFUSED |= dict.fromkeys(range(STUCK.stop, STUCK.stop + STUCK_MESSAGES), "too_large")
"""When a dead letter came, and why it was refused."""
ATTACK = range(640, 655)
GUESSES = range(1420, 1432)
NO_CALLERS = range(1450, 1560)
PAUSED = range(790, 810)
GAP = range(900, 1620)
UNSAFE = range(1000, 1130)
CLOCK_STEP = 1205
OTHER_LOG = range(1260, 1600)
REPLICA_AWAY = range(1320, 1500)
BEHIND = {"entry": range(180, 360), "exit": range(360, 480)}
"""When the gate of that direction was behind."""
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
    return int(int(t) in PAUSED or unsafe(t))


def unsafe(t: float) -> int:
    return int(int(t) in UNSAFE)


def log_refused(t: float) -> int:
    return int(int(t) in OTHER_LOG)


def replicas_missing(t: float) -> int:
    return int(int(t) in REPLICA_AWAY)


def clock_steps(t: float) -> int:
    return int(t >= CLOCK_STEP)


def http_refused(t: float, reason: str) -> int:
    """Return how many requests were refused because of *reason*: 10 a second during the attack, 2 of who guesses."""
    during = GUESSES if reason == "wrong_credential" else ATTACK
    each = {"head_size": 3, "head_time": 7, "wrong_credential": 2}.get(reason, 0)
    return len(range(during.start, min(int(t) + 1, during.stop))) * each


def look_failed(t: float, reason: str) -> int:
    """Return how many looks of the console failed: those at the summary API, one a second while that is away."""
    return len(range(AWAY.start, min(int(t) + 1, AWAY.stop))) if reason == "summary_api" else 0


def questions_refused(t: float) -> int:
    """Return how many questions the console has refused."""
    return int(t // 600)


def access_problem(t: float) -> int:
    return int(int(t) in NO_CALLERS)


def nodes_away(t: float) -> int:
    """Return how many nodes of RabbitMQ's cluster take no connections."""
    return int(int(t) in NODE_AWAY)


def stuck(t: float) -> int:
    """Return how many messages are refused and no dead letters yet."""
    return STUCK_MESSAGES if int(t) in STUCK else 0


def stuck_seconds(t: float) -> float:
    return t - STUCK.start if stuck(t) else 0.0


def gate_delay(direction: str, t: float) -> float | None:
    """Return how far the gate of *direction* is behind, if it is."""
    return 400 + t if int(t) in BEHIND[direction] else None


def ignored(reason: str, t: float) -> int:
    """Return how many sightings have changed nothing."""
    return int(t // {"too_late": 300, "too_many": 700}[reason])


def delivery_failing(t: float) -> int:
    return int(int(t) in AWAY[10:])


def lag(t: float) -> int:
    """Return how many records wait to be projected: right after the pause, for 15 seconds."""
    return 40 if PAUSED.stop <= t < PAUSED.stop + 15 else 0
