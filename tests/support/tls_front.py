"""TLS before a server that has none, as a proxy on its host would be: the certificate is of a test's own authority."""

import asyncio
import ssl
from contextlib import suppress
from typing import Self

import trustme
from parkstream_devtools.faults.loop_thread import LoopThread


class TlsFront:
    """Passes on to *port* of this machine what comes over TLS; closed at the end of the block."""

    def __init__(self, port: int, certificate: trustme.LeafCert) -> None:
        self._upstream_port = port
        self._context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._context.set_alpn_protocols(["h2", "http/1.1"])  # gRPC insists.
        certificate.configure_cert(self._context)
        self._thread = LoopThread(f"TLS before {port}")
        self._connections: set[asyncio.Task[None]] = set()
        starting = asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._context)
        self._server: asyncio.Server = self._thread.call(starting)
        self.port: int = self._server.sockets[0].getsockname()[1]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.call(self._close())
        self._thread.close()

    async def _close(self) -> None:
        self._server.close()
        for connection in self._connections:
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)
        try:
            upstream, to_upstream = await asyncio.open_connection("127.0.0.1", self._upstream_port)
            ways = [asyncio.create_task(_pass_on(*way)) for way in ((reader, to_upstream), (upstream, writer))]
            try:
                await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            finally:
                await _closed(to_upstream)
                for way in ways:
                    way.cancel()
                await asyncio.gather(*ways, return_exceptions=True)
        finally:
            await _closed(writer)


async def _closed(writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()
    with suppress(OSError):
        await writer.wait_closed()


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while content := await reader.read(65_536):
        writer.write(content)
        await writer.drain()
