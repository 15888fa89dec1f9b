"""A proxy before Redis that knows calls by name, and breaks some of them in every way that a call can end."""

import asyncio
import socket
import struct
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from functools import partial
from typing import Final, Self

from parkstream_devtools.faults.listener import Listener
from parkstream_devtools.faults.resp import Command, read_command, read_reply

RESET_AT_CLOSE: Final = struct.pack("ii", 1, 0)
ABORTED: Final = b"-EXECABORT Transaction discarded because of previous errors.\r\n"


class Ending(StrEnum):
    """How the connection of a call ends."""

    RESET = "reset before Redis has the call"
    RESET_ANSWER = "reset instead of the answer"
    CLOSED = "closed before Redis has the call"
    CLOSED_ANSWER = "closed instead of the answer"
    HALF_ANSWER = "closed after half of the answer"
    GARBAGE = "an answer that is none"
    BLACK_HOLE = "no answer, and the connection stays open"


Break = Ending | str
"""How a call is broken: its connection ends so, or it is answered with this error."""
Plan = Iterable[Break | None]
ERRORS: Final = (
    "BUSY Redis is busy running a script. You can only call FUNCTION KILL or SHUTDOWN NOSAVE.",
    "CLUSTERDOWN The cluster is down",
    "LOADING Redis is loading the dataset in memory",
    "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
    "MISCONF Errors writing to the AOF file: No space left on device",
    "NOAUTH Authentication required.",
    "NOPERM User default has no permissions to run this command",
    "NOREPLICAS Not enough good replicas to write.",
    "OOM command not allowed when used memory > 'maxmemory'.",
    "READONLY You can't write against a read only replica.",
    "TRYAGAIN Multiple keys request during rehashing of slot",
    "UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)",
    "WRONGPASS invalid username-password pair or user is disabled.",
)
"""What a Redis answers that is well again in a moment, or once somebody has seen to it."""


class RedisCalls:
    """Passes calls on to the Redis at *port*, counts them by name, and breaks those that ``plan`` names.

    The next calls of a planned name are broken one after the other, in the ways of its plan; ``None`` in it lets one
    pass. A name is that of the command, or of the function without its version. Closed at the end of the block.
    """

    def __init__(self, port: int) -> None:
        self._upstream_port = port
        self._plans: dict[str, deque[Break | None]] = defaultdict(deque)
        self._plan_of: Callable[[str], Plan] = lambda _: ()
        self._listener = Listener(f"calls to {port}", self._hold)
        self.port = self._listener.port
        self.calls: Counter[str] = Counter()
        """How often each name was called."""
        self.broken: dict[str, list[Break]] = defaultdict(list)
        """How each name was broken so far."""

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()

    @property
    def url(self) -> str:
        """Address without a database."""
        return f"redis://127.0.0.1:{self.port}"

    def plan(self, plans: Mapping[str, Plan]) -> None:
        """Break the calls of these names in these ways, after what is planned for them already."""
        for name, ways in plans.items():
            self._listener.thread.do(partial(self._plans[name].extend, tuple(ways)))

    def plan_every_name(self, plan_of: Callable[[str], Plan]) -> None:
        """Break each name in the ways that *plan_of* gives it, from its first call on."""
        self._plan_of = plan_of

    def pass_all(self) -> None:
        """Break nothing from here on, whatever is planned."""
        self.plan_every_name(lambda _: ())
        self._listener.thread.do(self._plans.clear)

    def unbroken(self) -> dict[str, list[Break]]:
        """Return what is planned and has not happened yet."""
        plans = {name: [way for way in tuple(plan) if way] for name, plan in self._plans.copy().items()}
        return {name: ways for name, ways in plans.items() if ways}

    def close(self) -> None:
        """Stop: close every connection and listen no more."""
        self._listener.close()

    async def _hold(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answers, upstream = await asyncio.open_connection("127.0.0.1", self._upstream_port)
        try:
            await _Conversation(self, reader, writer, answers, upstream).hold()
        finally:
            upstream.transport.abort()

    def next_break(self, name: str) -> Break | None:
        """Count a call of *name*, and return how it is broken, if it is."""
        if name not in self.calls:
            self._plans[name].extend(self._plan_of(name))
        self.calls[name] += 1
        plan = self._plans[name]
        way = plan.popleft() if plan else None
        if way is not None:
            self.broken[name].append(way)
        return way


class _Conversation:
    """One connection: a call, its answer, the next call; what a client sends ahead waits."""

    def __init__(
        self,
        calls: RedisCalls,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        answers: asyncio.StreamReader,
        upstream: asyncio.StreamWriter,
    ) -> None:
        self._calls = calls
        self._reader = reader
        self._writer = writer
        self._answers = answers
        self._upstream = upstream
        self._aborted = False
        """Whether a command of this transaction was refused, so that EXEC must be."""
        self._refusal: str | None = None
        """What all of this transaction is answered with, since MULTI was."""

    async def hold(self) -> None:
        """Talk until either side or a broken call ends it."""
        while True:
            command = await read_command(self._reader)
            way = self._calls.next_break(command.name)
            if isinstance(way, Ending):
                await self._end(command, way)
                return
            if way is None or self._refusal is not None:
                await self._answer(await self._asked(command))
            else:
                await self._answer(await self._refused(command, way))

    async def _refused(self, command: Command, error: str) -> bytes:
        if command.name == "MULTI":
            self._refusal = error
        elif command.name == "EXEC":
            await self._discard()
            return f"-EXECABORT Transaction discarded because of: {error}\r\n".encode()
        self._aborted = True
        return f"-{error}\r\n".encode()

    async def _asked(self, command: Command) -> bytes:
        if self._refusal is not None:
            refusal = self._refusal
            self._refusal = None if command.name == "EXEC" else refusal
            return f"-{refusal}\r\n".encode()
        if command.name == "MULTI":
            self._aborted = False
        if command.name == "EXEC" and self._aborted:
            await self._discard()
            return ABORTED
        return await self._ask(command.raw)

    async def _discard(self) -> None:
        self._aborted = False
        await self._ask(b"*1\r\n$7\r\nDISCARD\r\n")

    async def _ask(self, raw: bytes) -> bytes:
        self._upstream.write(raw)
        return await read_reply(self._answers)

    async def _answer(self, reply: bytes) -> None:
        self._writer.write(reply)
        await self._writer.drain()

    async def _end(self, command: Command, way: Ending) -> None:
        match way:
            case Ending.RESET | Ending.CLOSED:
                pass
            case Ending.RESET_ANSWER | Ending.CLOSED_ANSWER:
                await self._ask(command.raw)
            case Ending.HALF_ANSWER:
                reply = await self._ask(command.raw)
                await self._answer(reply[: max(1, len(reply) // 2)])
            case Ending.GARBAGE:
                await self._ask(command.raw)
                await self._answer(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            case Ending.BLACK_HOLE:
                await self._reader.read(-1)
        if way in {Ending.RESET, Ending.RESET_ANSWER}:
            untyped: socket.socket = self._writer.get_extra_info("socket")
            untyped.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_AT_CLOSE)
            self._writer.transport.abort()
