"""People who look at the console's Now: those who read what comes, and those who read nothing."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Final
from urllib.parse import urlsplit

LOOK: Final = b"id: "
"""Begins each look; then its time follows, in microseconds."""
LINE_BYTES_MAX: Final = 2**20
BUFFER_BYTES: Final = 4_096
"""What the system keeps for who reads nothing; the rest is the console's to bound."""


class Reader:
    """Who reads all that comes: *looks* of so many *bytes*, the last of them of *newest_us*."""

    def __init__(self) -> None:
        self.looks = self.bytes = self.newest_us = 0

    async def read(self, url: str) -> None:
        """Read what the console at *url* shows, until it ends that."""
        place = urlsplit(url)
        stream, writer = await asyncio.open_connection(place.hostname, place.port, limit=LINE_BYTES_MAX)
        try:
            writer.write(_question(place.netloc))
            async for line in stream:
                self.bytes += len(line)
                if line.startswith(LOOK):
                    self.looks, self.newest_us = self.looks + 1, int(line.removeprefix(LOOK))
        finally:
            writer.close()
        raise ConnectionResetError(url)


@asynccontextmanager
async def readers(url: str, count: int) -> AsyncIterator[list[Reader]]:
    """Let *count* people read what the console at *url* shows."""
    people = [Reader() for _ in range(count)]
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one.read(url)) for one in people]
        yield people
        for task in tasks:
            task.cancel()


@contextmanager
def silent(url: str) -> Iterator[socket.socket]:
    """Let somebody ask the console at *url*, and read nothing."""
    place = urlsplit(url)
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_BYTES)
        connection.connect((place.hostname, place.port))
        connection.sendall(_question(place.netloc))
        yield connection


def _question(host: str) -> bytes:
    return f"GET /live/now HTTP/1.1\r\nHost: {host}\r\nAccept: text/event-stream\r\n\r\n".encode()
