"""A TCP proxy on loopback between a client and a server, which does to bytes what networks do."""

import asyncio
from contextlib import suppress
from enum import StrEnum
from typing import Self

from msgspec import Struct

from parkstream_devtools.faults.loop_thread import LoopThread

CHUNK_BYTES = 65_536


class Way(StrEnum):
    """Where bytes go."""

    TO_SERVER = "to server"
    TO_CLIENT = "to client"


class Weather(Struct, frozen=True, kw_only=True):
    """What happens to bytes; by default nothing."""

    refuses: bool = False
    """New connections are closed at once."""
    swallows: frozenset[Way] = frozenset()
    """What goes this way vanishes, and the connection stays open."""
    latency_seconds: float = 0.0
    """How long each chunk takes, each way."""
    chunk_bytes: int = CHUNK_BYTES
    """How much a packet holds."""


class Proxy:
    """Passes bytes between clients and *port* on this machine, under a weather that may change at any time.

    It has a thread of its own, so it serves tests that block as well as those that do not.
    """

    def __init__(self, port: int) -> None:
        self._upstream_port = port
        self._weather = Weather()
        self._answers_to_lose = 0
        self._ways: set[asyncio.Task[None]] = set()
        self._thread = LoopThread(f"proxy to {port}")
        self._server = self._thread.call(asyncio.start_server(self._serve, "127.0.0.1", 0))
        self.port: int = self._server.sockets[0].getsockname()[1]

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()

    @property
    def weather(self) -> Weather:
        """What happens to bytes now."""
        return self._weather

    def change(self, weather: Weather) -> None:
        """Let *weather* happen to every byte that is not passed on yet."""
        self._thread.do(lambda: setattr(self, "_weather", weather))

    def drop_connections(self) -> None:
        """Close every connection, on both sides."""
        self._thread.call(self._drop())

    def lose_answers(self, count: int) -> None:
        """Hand the next *count* chunks to the server, but close the connection instead of passing on the answer."""
        self._thread.do(lambda: setattr(self, "_answers_to_lose", count))

    def close(self) -> None:
        """Stop: close every connection and listen no more."""
        self._thread.do(self._server.close)
        self._thread.call(self._drop())
        self._thread.close()

    async def _drop(self) -> None:
        ways = list(self._ways)
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._weather.refuses:
            writer.transport.abort()
            return
        try:
            upstream_reader, upstream_writer = await asyncio.open_connection("127.0.0.1", self._upstream_port)
        except OSError:
            writer.transport.abort()
            return
        there = self._begin(reader, upstream_writer, Way.TO_SERVER)
        back = self._begin(upstream_reader, writer, Way.TO_CLIENT)
        there.add_done_callback(lambda _: back.cancel())
        back.add_done_callback(lambda _: there.cancel())

    def _begin(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, way: Way) -> asyncio.Task[None]:
        task = asyncio.create_task(self._pass_on(reader, writer, way))
        self._ways.add(task)
        task.add_done_callback(self._ways.discard)
        return task

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, way: Way) -> None:
        try:
            with suppress(OSError):  # The other side hung up: so do we.
                while chunk := await reader.read(self._weather.chunk_bytes):
                    if way is Way.TO_CLIENT and self._answers_to_lose:
                        self._answers_to_lose -= 1
                        return
                    await self._send(writer, chunk, way)
        finally:
            writer.transport.abort()

    async def _send(self, writer: asyncio.StreamWriter, chunk: bytes, way: Way) -> None:
        if self._weather.latency_seconds:
            await asyncio.sleep(self._weather.latency_seconds)
        size = self._weather.chunk_bytes
        for start in range(0, len(chunk), size):
            if way in self._weather.swallows:
                return
            writer.write(chunk[start : start + size])
            await writer.drain()
