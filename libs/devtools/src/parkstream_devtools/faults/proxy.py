"""A TCP proxy on loopback between a client and a server, which does to bytes what networks do."""

import asyncio
from enum import StrEnum
from typing import Self

from msgspec import Struct

from parkstream_devtools.faults.listener import Listener, first_of

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
    only_of: frozenset[str] = frozenset()
    """Only what clients at these addresses send, and are sent, vanishes; everybody else's bytes pass."""
    latency_seconds: float = 0.0
    """How long each chunk takes, each way."""
    chunk_bytes: int = CHUNK_BYTES
    """How much a packet holds."""


class Proxy:
    """Passes bytes between clients and *port* on this machine, under a weather that may change at any time.

    It has a thread of its own, so it serves tests that block as well as those that do not.
    """

    def __init__(self, port: int) -> None:
        self.upstream_port = port
        self._weather = Weather()
        self._answers_to_lose = 0
        self._listener = Listener(f"proxy to {port}", self._hold)
        self.port = self._listener.port

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
        self._listener.thread.do(lambda: setattr(self, "_weather", weather))

    def drop_connections(self, only_of: frozenset[str] = frozenset()) -> None:
        """Close every connection, on both sides, or only those *of* clients at some addresses."""
        self._listener.drop(only_of)

    def lead_to(self, port: int) -> None:
        """Pass bytes on to *port* from here on; every connection that is there is closed."""
        self._listener.thread.do(lambda: setattr(self, "upstream_port", port))
        self.drop_connections()

    def lose_answers(self, count: int) -> None:
        """Hand the next *count* chunks to the server, but close the connection instead of passing on the answer."""
        self._listener.thread.do(lambda: setattr(self, "_answers_to_lose", count))

    def close(self) -> None:
        """Stop: close every connection and listen no more."""
        self._listener.close()

    async def _hold(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._weather.refuses:
            return
        upstream, to_upstream = await asyncio.open_connection("127.0.0.1", self.upstream_port)
        client, *_ = writer.get_extra_info("peername") or ("",)  # None of one that has hung up already.
        try:
            await first_of(
                self._pass_on(reader, to_upstream, Way.TO_SERVER, client),
                self._pass_on(upstream, writer, Way.TO_CLIENT, client),
            )
        finally:
            to_upstream.transport.abort()
            writer.transport.abort()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, way: Way, client: str) -> None:
        while chunk := await reader.read(self._weather.chunk_bytes):
            if way is Way.TO_CLIENT and self._answers_to_lose:
                self._answers_to_lose -= 1
                return
            await self._send(writer, chunk, way, client)

    def _swallowed(self, way: Way, client: str) -> bool:
        weather = self._weather
        return way in weather.swallows and (not weather.only_of or client in weather.only_of)

    async def _send(self, writer: asyncio.StreamWriter, chunk: bytes, way: Way, client: str) -> None:
        if self._weather.latency_seconds:
            await asyncio.sleep(self._weather.latency_seconds)
        size = self._weather.chunk_bytes
        for start in range(0, len(chunk), size):
            if self._swallowed(way, client):
                return
            writer.write(chunk[start : start + size])
            await writer.drain()
