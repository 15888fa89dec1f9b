"""What a log cannot do, and what to do about it."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Final

from parkstream_service.redis import PassingError

MOVED: Final = "moved-"
"""How the id of a log begins that lives in another Redis now: what is left here is closed."""


class EventLogError(Exception):
    """The log cannot keep its promise."""


class WeakDurabilityError(EventLogError, PassingError):
    """Redis may forget what it acknowledged; *problems* say how, and what to do."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("Redis may forget what it acknowledged: " + "; ".join(problems))
        self.problems = problems


class ClocksApartError(EventLogError, PassingError):
    """The clock of Redis is *apart_us* ahead of the caller's, or behind it when negative: nothing was written."""

    def __init__(self, apart_us: int) -> None:
        super().__init__(
            f"the clock of Redis is {_distance(apart_us, 'ahead of', 'behind')} the one of this machine: "
            "set the wrong one right"
        )
        self.apart_us = apart_us


class ClockSteppedError(EventLogError, PassingError):
    """The clock of Redis has stepped by *step_us*, to *offset_us* after this machine's boot: nothing was written."""

    def __init__(self, step_us: int, offset_us: int) -> None:
        super().__init__(
            f"the clock of Redis has stepped {_distance(step_us, 'forward', 'back')}: set it right; "
            "if it is right now, `parkstream log accept-clock` takes it at once, and time does later"
        )
        self.step_us = step_us
        self.offset_us = offset_us


def _distance(microseconds: int, positive: str, negative: str) -> str:
    seconds = timedelta(seconds=round(abs(microseconds) / 1_000_000))
    return f"{seconds} {positive if microseconds > 0 else negative}"


class GapError(EventLogError):
    """The record at *expected* is not in the log: it is archived, or it was lost."""

    def __init__(self, expected: int, found: int) -> None:
        super().__init__(f"position {expected} is not in the log, the next is {found}: read it from the archive")
        self.expected = expected
        self.found = found


class LogShorterError(EventLogError, PassingError):
    """The log ends at *position*, before *after*, which is known to have been in it."""

    def __init__(self, after: int, position: int) -> None:
        super().__init__(
            f"the log ends at {position}, but it was read up to {after}: Redis lost data or is another one; "
            "restore its append-only file before you go on"
        )
        self.after = after
        self.position = position


class OtherLogError(EventLogError, PassingError):
    """The log is *found*, not *expected*: nothing was written."""

    def __init__(self, expected: str, found: str) -> None:
        has = f"holds the log {found}" if found else "holds no log"
        away = "it was moved to another Redis: set PARKSTREAM_REDIS_URL to that one (parkstream cells list)"
        lost = "it came back empty, or is another one; restore its append-only file before you go on"
        super().__init__(f"Redis {has}, not {expected}: {away if found.startswith(MOVED) else lost}")
        self.expected = expected
        self.found = found


class NoLogError(EventLogError):
    """Nobody has created the log yet."""

    def __init__(self) -> None:
        super().__init__("there is no log here yet: start a backend, which creates it, or import one")


class NotTakenError(EventLogError, ValueError):
    """``append`` does not take this type: what is decided goes through ``decide``."""

    def __init__(self, type_: str, taken: Iterable[str]) -> None:
        super().__init__(f"{type_[:80]!r} is not appended here: append takes {' and '.join(sorted(taken))}")
        self.type = type_
