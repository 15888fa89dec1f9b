"""A server on loopback with a loop of its own: no connection that it took outlives it."""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress

from parkstream_devtools.faults.loop_thread import LoopThread

Hold = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Listener:
    """Takes connections on its ``port``, and lets *hold* talk to each, in a ``thread`` of its own.

    A connection ends with *hold*, when the other side hangs up, or with ``drop`` and ``close``. It is accepted by hand:
    what asyncio's servers have accepted and not announced yet is left open when their loop ends.
    """

    def __init__(self, name: str, hold: Hold, context: ssl.SSLContext | None = None) -> None:
        self._hold = hold
        self._context = context
        self._served: dict[asyncio.Task[None], str] = {}
        """Each with the address of its client."""
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._socket.settimeout(0)
        self.port: int = self._socket.getsockname()[1]
        self.thread = LoopThread(name)
        self.thread.do(lambda: asyncio.get_running_loop().add_reader(self._socket, self._accept))

    def drop(self, only_of: frozenset[str] = frozenset()) -> None:
        """Close every connection, or only those of clients at some addresses."""
        self.thread.call(self._drop(only_of))

    def close(self) -> None:
        """Listen no more, and close every connection."""
        self.thread.do(self._stop)
        self.drop()
        self.thread.close()

    def _stop(self) -> None:
        asyncio.get_running_loop().remove_reader(self._socket)
        self._socket.close()

    async def _drop(self, only_of: frozenset[str]) -> None:
        those = [one for one, client in self._served.items() if not only_of or client in only_of]
        for one in those:
            one.cancel()
        await asyncio.gather(*those, return_exceptions=True)

    def _accept(self) -> None:
        try:
            connection, (client, _) = self._socket.accept()
        except (BlockingIOError, ConnectionAbortedError):  # Who came has left again.
            return
        connection.settimeout(0)
        task = asyncio.create_task(self._serve(connection))
        self._served[task] = client
        task.add_done_callback(self._served.pop)
        task.add_done_callback(lambda _: connection.close())  # It may have been cancelled before it began.

    async def _serve(self, connection: socket.socket) -> None:
        loop, reader = asyncio.get_running_loop(), asyncio.StreamReader()
        protocol = asyncio.StreamReaderProtocol(reader)
        with suppress(OSError, asyncio.IncompleteReadError):  # The other side hung up: so do we.
            transport, _ = await loop.connect_accepted_socket(lambda: protocol, connection, ssl=self._context)
            try:
                writer = asyncio.StreamWriter(transport, protocol, reader, loop)
                await self._hold(reader, writer)
                writer.close()
                await writer.wait_closed()
            finally:
                transport.abort()


async def first_of(*ways: Coroutine[None, None, None]) -> None:
    """Run *ways* until one of them ends, then cancel the others; raise what ended it."""
    tasks = [asyncio.create_task(way) for way in ways]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for one in done:
            one.result()
    finally:
        for one in tasks:
            one.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
