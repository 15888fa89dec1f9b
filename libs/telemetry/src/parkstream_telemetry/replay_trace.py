"""The spans of a replay: a trace of its own, which links to the traces of the records that it folds again."""

import time
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from typing import Final, Protocol

from parkstream_telemetry.steps import end, links_to
from parkstream_telemetry.telemetry import Telemetry

PART: Final = 10_000
LINKS_MAX: Final = 100


class Traceable(Protocol):
    """A record, or what it says."""

    @property
    def position(self) -> int:
        """Where it stands in the log."""
        ...

    @property
    def traceparent(self) -> str | None:
        """The trace that it belongs to."""
        ...


class ReplayTrace:
    """What one run emits: one span, and below it one per ``PART`` records."""

    def __init__(self, telemetry: Telemetry, version: int) -> None:
        self._steps = telemetry.steps
        self.span = telemetry.steps.replay(mode="rebuild", version=version)
        self.events = 0
        """Records that were folded."""
        self.hash_equal: bool | None = None
        self._began_ns = time.time_ns()
        self._count = self._position = 0
        self._traces: dict[str, str] = {}

    def folded(self, records: Iterable[Traceable]) -> None:
        """Take note of *records*."""
        for record in records:
            if record.traceparent:
                self._traces.setdefault(record.traceparent[3:35], record.traceparent)
            self._count += 1
            self.events += 1
            self._position = record.position
            if self._count == PART:
                self._end_part()

    def end(self, error: BaseException | None = None) -> None:
        """End what is open, with *error* if there was one."""
        if self._count:
            self._end_part()
        end(self.span, error=error, events=self.events, hash_equal=self.hash_equal)

    def _end_part(self) -> None:
        every = -(-len(self._traces) // LINKS_MAX) or 1
        links = links_to(*list(self._traces.values())[::every])
        part = self._steps.replay_part(
            self.span, started_ns=self._began_ns, links=links, position=self._position, events=self._count
        )
        end(part)
        self._began_ns = time.time_ns()
        self._count = 0
        self._traces.clear()


@contextmanager
def traced(telemetry: Telemetry, version: int) -> Generator[ReplayTrace, None, None]:
    """Trace a replay into *version*, whatever it ends with."""
    trace = ReplayTrace(telemetry, version)
    try:
        yield trace
    except BaseException as error:
        trace.end(error)
        raise
    trace.end()


@contextmanager
def checked(telemetry: Telemetry) -> Generator[Callable[[int, bool], None], None, None]:
    """Trace a fold in memory as one span, and yield what takes its outcome: records, and whether nothing differed."""
    span = telemetry.steps.replay(mode="check")
    found: list[tuple[int, bool]] = []
    try:
        yield lambda events, equal: found.append((events, equal))
    except BaseException as error:
        end(span, error=error)
        raise
    events, equal = found[-1] if found else (0, None)
    end(span, events=events, hash_equal=equal)
