"""What a log cannot do, and what to do about it."""

from collections.abc import Iterable

from parkstream_service.redis import PassingError


class EventLogError(Exception):
    """The log cannot keep its promise."""


class WeakDurabilityError(EventLogError, PassingError):
    """Redis may forget what it acknowledged; *problems* say how, and what to do."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("Redis may forget what it acknowledged: " + "; ".join(problems))
        self.problems = problems


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
        super().__init__(
            f"Redis {has}, not {expected}: it came back empty, or is another one; "
            "restore its append-only file before you go on"
        )
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
