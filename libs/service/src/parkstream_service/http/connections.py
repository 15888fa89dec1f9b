"""The connections of a server: who keeps it waiting, and who is ended when that takes too long or room is needed."""

import asyncio
from collections.abc import Callable
from itertools import chain
from time import monotonic
from typing import Final, Protocol

from parkstream_service.refusals import Refusal
from parkstream_service.settings.limits import HttpLimits

SWEEP_SECONDS: Final = 0.25


class Wait:
    """The connections that are waited for, the longest first, each since when."""

    def __init__(self, refusal: Refusal, seconds: float) -> None:
        self.refusal = refusal
        self.since: Final[dict[Connection, float]] = {}
        self._seconds = seconds

    def late(self, now: float) -> list["Connection"]:
        """Return who has been waited for too long."""
        return [connection for connection, since in self.since.items() if now - since >= self._seconds]


class Connection(Protocol):
    """A connection that can be ended."""

    wait: Wait | None

    def refuse(self, why: Refusal) -> None:
        """Answer why, where somebody may read it, and end."""
        ...


class Connections:
    """What the connections of one server share; *refused* hears of each that is ended, and why.

    Room is made at the cost of whoever has kept us waiting for longest: for a head, for a body, for the reading of an
    answer, then of whoever asks for nothing, and at last of whose request has been at work for longest. So health is
    answered however many others wait.
    """

    def __init__(self, limits: HttpLimits, body_bytes_max: int, refused: Callable[[Refusal], None]) -> None:
        self.limits = limits
        self.message_bytes_max = limits.http_head_bytes_max + 2 * body_bytes_max
        """In chunks a body is longer on its way than it is."""
        self.heads = Wait(Refusal.HEAD_TIME, limits.http_head_seconds)
        self.bodies = Wait(Refusal.BODY_TIME, limits.http_body_seconds)
        self.answers = Wait(Refusal.ANSWER_TIME, limits.http_body_seconds)
        self.idle = Wait(Refusal.CONNECTIONS, float("inf"))
        """uvicorn ends them."""
        self.work = Wait(Refusal.CONNECTIONS, float("inf"))
        """Their requests are at work; each is idempotent, or asks for nothing that is kept."""
        self.refused = refused
        self._open: set[Connection] = set()
        self._unanswered_bytes = 0
        self._sweeping = False

    def open(self, connection: Connection) -> None:
        """Take *connection* in, at the cost of another one where there is no room; without one it is refused."""
        while len(self._open) >= self.limits.http_connections_max and (slowest := self._slowest()):
            slowest.refuse(Refusal.CONNECTIONS)
        self._open.add(connection)
        if len(self._open) > self.limits.http_connections_max:
            connection.refuse(Refusal.CONNECTIONS)
        else:
            self.wait_for(connection, self.heads)

    def close(self, connection: Connection) -> None:
        """Forget *connection*."""
        self._open.discard(connection)
        self.wait_for(connection, None)

    def wait_for(self, connection: Connection, wait: Wait | None) -> None:
        """Note what *connection* is waited for from now on; nothing when it has ended."""
        if connection.wait is wait:
            return
        if connection.wait is not None:
            del connection.wait.since[connection]
        connection.wait = wait
        if wait is not None:
            wait.since[connection] = monotonic()
            self._sweep_later()

    def hold(self, connection: Connection, count: int) -> None:
        """Count *count* more bytes that *connection* sent; make room for them."""
        self._unanswered_bytes += count
        while self._unanswered_bytes > self.limits.http_memory_bytes_max:
            slowest = next(iter(self.bodies.since), connection)
            slowest.refuse(Refusal.MEMORY)
            if slowest is connection:
                return

    def release(self, count: int) -> None:
        """Note that *count* bytes are here no more."""
        self._unanswered_bytes -= count

    def _slowest(self) -> Connection | None:
        return next(
            chain(self.heads.since, self.bodies.since, self.answers.since, self.idle.since, self.work.since), None
        )

    def _sweep_later(self) -> None:
        if not self._sweeping:
            self._sweeping = True
            asyncio.get_running_loop().call_later(SWEEP_SECONDS, self._sweep)

    def _sweep(self) -> None:
        self._sweeping = False
        now = monotonic()
        waits = (self.heads, self.bodies, self.answers)
        for wait in waits:
            for connection in wait.late(now):
                connection.refuse(wait.refusal)
        if any(wait.since for wait in waits):
            self._sweep_later()
