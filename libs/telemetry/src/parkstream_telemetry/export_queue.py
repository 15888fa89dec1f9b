"""Where telemetry waits for its exporter: a bounded queue and a thread that a receiver can hold up, but no service."""

from collections import deque
from collections.abc import Callable
from threading import Event, Thread
from time import monotonic
from typing import Generic, TypeVar

from msgspec import Struct

T = TypeVar("T")
REPORT_SECONDS = 60.0
ABORT_SECONDS = 0.1
QUEUE_FULL = "queue_full"
EXPORT_FAILED = "export_failed"


class Limits(Struct, frozen=True):
    """How much waits, how much goes at once, and for how long a lone item waits."""

    queue_max: int = 8_192
    batch_max: int = 2_048
    delay_seconds: float = 0.2


class ExportQueue(Generic[T]):
    """Sends what is put in; what does not fit, or is not taken, is counted and forgotten.

    *send* returns whether the receiver took the batch, and may block; *abort* makes it return. *report* gets how many
    were dropped and why, at most once a minute.
    """

    def __init__(
        self,
        signal: str,
        send: Callable[[list[T]], bool],
        abort: Callable[[], None],
        report: Callable[[str, int, str], None],
        limits: Limits,
    ) -> None:
        self.signal = signal
        self.exported = 0
        self.dropped = {QUEUE_FULL: 0, EXPORT_FAILED: 0}
        self._send = send
        self._abort = abort
        self._report = report
        self._limits = limits
        self._waiting: deque[T] = deque()
        self._awake = Event()
        self._closing = False
        self._abandoned = False
        self._reported = 0
        self._next_report_at = 0.0
        self._thread = Thread(target=self._work, name=f"{signal} exporter", daemon=True)
        self._thread.start()

    def put(self, item: T) -> None:
        """Let *item* wait for its export; costs the same whatever the receiver does."""
        waiting = self._waiting
        if self._closing or len(waiting) >= self._limits.queue_max:
            self.dropped[QUEUE_FULL] += 1
            return
        waiting.append(item)
        if len(waiting) >= self._limits.batch_max and not self._awake.is_set():
            self._awake.set()

    @property
    def waiting(self) -> int:
        """Return how many items wait."""
        return len(self._waiting)

    def close(self) -> None:
        """Take nothing more, and send what waits."""
        self._closing = True
        self._awake.set()

    def join(self, deadline: float) -> None:
        """Return when all is sent or *deadline* (``monotonic``) has passed; what then still waits is dropped."""
        self._thread.join(max(0.0, deadline - monotonic()))
        self._abort()
        if self._thread.is_alive():
            self._abandoned = True
            self._thread.join(ABORT_SECONDS)
        self.dropped[EXPORT_FAILED] += len(self._waiting)
        self._report_dropped()

    def _work(self) -> None:
        while not self._closing:
            self._awake.wait(self._limits.delay_seconds)
            self._awake.clear()
            self._export()
            while len(self._waiting) >= self._limits.batch_max and not self._abandoned:
                self._export()
            if monotonic() >= self._next_report_at:
                self._report_dropped()
        while self._waiting and not self._abandoned:
            self._export()

    def _export(self) -> None:
        count = min(len(self._waiting), self._limits.batch_max)
        batch = [self._waiting.popleft() for _ in range(count)]
        if not batch:
            return
        if self._send(batch):
            self.exported += len(batch)
        else:
            self.dropped[EXPORT_FAILED] += len(batch)

    def _report_dropped(self) -> None:
        dropped = sum(self.dropped.values())
        if dropped > self._reported:
            reason = max(self.dropped, key=lambda reason: self.dropped[reason])
            self._report(self.signal, dropped - self._reported, reason)
            self._reported = dropped
            self._next_report_at = monotonic() + REPORT_SECONDS
