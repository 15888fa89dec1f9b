"""How uvicorn reads requests, with limits on what arrives before anybody has looked at it."""

import logging
import re
from typing import Any, Final, cast

import msgspec
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from parkstream_service.http.connections import Connections, Wait
from parkstream_service.http.problems import MEDIA_TYPE, TOO_LARGE, titled
from parkstream_service.refusals import DETAILS, STATUSES, Refusal

PIPELINED_MAX: Final = 16
_AFTER_AUTHORITY: Final = re.compile(rb"[/?#]")

_log = logging.getLogger("uvicorn.error.connections")
_log.setLevel(logging.ERROR)  # uvicorn's warnings are about strangers' bytes: those are counted.


class RefusedError(Exception):
    """Ends the parser."""


class LimitedProtocol(HttpToolsProtocol):
    """One connection of those that share *connections*; *uvicorns* are what uvicorn makes its own of."""

    def __init__(self, connections: Connections, **uvicorns: Any) -> None:  # noqa: ANN401 - as uvicorn calls it
        super().__init__(**uvicorns)
        self.logger = _log
        self.wait: Wait | None = None
        """None before the beginning and after the end."""
        self._shared = connections
        self._begun = False
        self._in_head = True
        self._message_bytes = 0
        self._unanswered_bytes = 0

    def connection_made(self, transport: Any) -> None:  # noqa: ANN401 - uvicorn narrows asyncio's type
        """Take the connection in where there is room."""
        super().connection_made(transport)
        self._shared.open(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it."""
        self._forget()
        super().connection_lost(exc)

    def refuse(self, why: Refusal) -> None:
        """End the connection, and say why unless an earlier answer is still on its way."""
        cycle = cast("RequestResponseCycle | None", self.cycle)  # None before the first request.
        if not (why is Refusal.BODY_SIZE and cycle is not None and TOO_LARGE in cycle.scope):
            self._shared.refused(why)
        self._forget()
        answering = cycle is not None and cycle.response_started and not cycle.response_complete
        if answering or self.transport.is_closing() or self.transport.get_write_buffer_size():
            self.transport.abort()
        else:
            self.transport.write(_ANSWERS[why])
            self.transport.close()

    def data_received(self, data: bytes) -> None:
        """Read *data*; of what may be a head no more than one may be long."""
        if self.wait is self._shared.idle:
            self._shared.wait_for(self, self._shared.heads)
        self._unanswered_bytes += len(data)
        self._shared.hold(self, len(data))
        room = self._shared.limits.http_head_bytes_max - self._message_bytes
        if self._in_head and len(data) > room:
            self._read(data[:room])
            if self._in_head and self._message_bytes >= self._shared.limits.http_head_bytes_max:
                self._refuse_open(Refusal.HEAD_SIZE)
            data = data[room:]
        self._read(data)

    def on_message_begin(self) -> None:
        """Take the first byte of a request."""
        super().on_message_begin()
        self._begun = True

    def on_url(self, url: bytes) -> None:
        """Take a part of the URL."""
        super().on_url(url)
        if len(self.url) > self._shared.limits.http_url_bytes_max:
            self.refuse(Refusal.URL_SIZE)
            raise RefusedError

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header; what comes after a body is nothing to us."""
        if self._in_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Let the request begin, and wait for its body."""
        if len(self.pipeline) >= PIPELINED_MAX:
            self.refuse(Refusal.PIPELINE)
            raise RefusedError
        self._check_framing()
        self._name_target()
        super().on_headers_complete()
        self._in_head = False
        self._shared.wait_for(self, self._shared.bodies)

    def on_message_complete(self) -> None:
        """Wait for nothing more of it."""
        super().on_message_complete()
        self._begun = False
        self._in_head = True
        self._message_bytes = 0
        self._shared.wait_for(self, self._next())

    def on_response_complete(self) -> None:
        """Wait for the rest of the request, for the client to read, or for its next request."""
        at_work = bool(self.pipeline)
        super().on_response_complete()
        self._shared.release(self._unanswered_bytes)
        self._unanswered_bytes = 0
        if self._in_head:
            self._shared.wait_for(self, self._shared.work if at_work else self._next())

    def resume_writing(self) -> None:
        """Wait no more for that."""
        super().resume_writing()
        if self.wait is self._shared.answers:
            self._shared.wait_for(self, self._next())

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - ours says as much
        """Refuse what the parser did not understand, or was kept from understanding."""
        self._refuse_open(Refusal.MALFORMED)

    def _next(self) -> Wait:
        """Return what is waited for once a request is here."""
        if self.flow.write_paused or self.transport.is_closing():
            return self._shared.answers
        if not self.cycle.response_complete:
            return self._shared.work
        return self._shared.heads if self._begun else self._shared.idle

    def _check_framing(self) -> None:
        """Refuse codings that nobody here undoes, and any in HTTP/1.0: a proxy may read them otherwise."""
        codings = [value.lower() for name, value in self.headers if name == b"transfer-encoding"]
        version = cast("Any", self.parser).get_http_version()  # There while anything is read.
        if codings and (codings != [b"chunked"] or version == "1.0"):
            self.refuse(Refusal.MALFORMED)
            raise RefusedError

    def _name_target(self) -> None:
        """Let the host that the URL names, if it does, be one of those that are asked for."""
        if self.url.startswith(b"/"):
            return
        authority = _AFTER_AUTHORITY.split(self.url.partition(b"://")[2], maxsplit=1)[0]
        if (b"host", authority) not in self.headers:
            self.headers.append((b"host", authority))

    def _read(self, data: bytes) -> None:
        if self.transport.is_closing():
            return
        self._message_bytes += len(data)
        super().data_received(data)
        if self._message_bytes > self._shared.message_bytes_max:
            self._refuse_open(Refusal.BODY_SIZE)

    def _refuse_open(self, why: Refusal) -> None:
        if not self.transport.is_closing():
            self.refuse(why)

    def _forget(self) -> None:
        self._shared.close(self)
        self._shared.release(self._unanswered_bytes)
        self._unanswered_bytes = 0


def _answer(why: Refusal) -> bytes:
    status = STATUSES[why]
    body = msgspec.json.encode(titled(status, DETAILS[why]))
    head = f"HTTP/1.1 {status.value} {status.phrase}\r\ncontent-type: {MEDIA_TYPE}\r\ncontent-length: {len(body)}\r\n"
    return f"{head}retry-after: 1\r\nconnection: close\r\n\r\n".encode() + body


_ANSWERS: Final = {why: _answer(why) for why in DETAILS}
