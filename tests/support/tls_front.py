"""TLS before a server that has none, as a proxy on its host would be: the certificate is of a test's own authority."""

import asyncio
import ssl
from typing import Self

import trustme
from parkstream_devtools.faults.listener import Listener, first_of


class TlsFront:
    """Passes on to *port* of this machine what comes over TLS; closed at the end of the block."""

    def __init__(self, port: int, certificate: trustme.LeafCert) -> None:
        self._upstream_port = port
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.set_alpn_protocols(["h2", "http/1.1"])  # gRPC insists.
        certificate.configure_cert(context)
        self._listener = Listener(f"TLS before {port}", self._hold, context)
        self.port = self._listener.port

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()

    async def _hold(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        upstream, to_upstream = await asyncio.open_connection("127.0.0.1", self._upstream_port)
        try:
            await first_of(_pass_on(reader, to_upstream), _pass_on(upstream, writer))
        finally:
            to_upstream.transport.abort()
            writer.transport.abort()


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while content := await reader.read(65_536):
        writer.write(content)
        await writer.drain()
