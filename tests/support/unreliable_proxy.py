"""A TCP proxy that loses things the way a network does."""

import asyncio
from contextlib import suppress
from typing import Self


class UnreliableProxy:
    """Passes bytes between clients and *port* on this machine, until it is told to lose some."""

    def __init__(self, port: int) -> None:
        self._upstream_port = port
        self._server: asyncio.Server | None = None
        self._ways: set[asyncio.Task[None]] = set()
        self._answers_to_lose = 0

    async def start(self) -> Self:
        """Listen on a free port."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self

    @property
    def url(self) -> str:
        """Where clients of Redis connect to."""
        assert self._server is not None
        return f"redis://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    def lose_answers(self, count: int) -> None:
        """Hand the next *count* commands over, but close the connection instead of passing on the answer."""
        self._answers_to_lose = count

    async def close(self) -> None:
        """Close every connection."""
        assert self._server is not None
        self._server.close()
        for way in self._ways:
            way.cancel()
        await asyncio.gather(*self._ways, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            upstream_reader, upstream_writer = await asyncio.open_connection("127.0.0.1", self._upstream_port)
        except OSError:
            writer.close()
            return
        there = asyncio.create_task(self._pass_on(reader, upstream_writer))
        back = asyncio.create_task(self._pass_on(upstream_reader, writer, loses=True))
        for way in (there, back):
            self._ways.add(way)
            way.add_done_callback(self._ways.discard)

    async def _pass_on(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, loses: bool = False
    ) -> None:
        try:
            with suppress(OSError):
                while chunk := await reader.read(65_536):
                    if loses and self._answers_to_lose:
                        self._answers_to_lose -= 1
                        break
                    writer.write(chunk)
                    await writer.drain()
        finally:
            writer.close()
