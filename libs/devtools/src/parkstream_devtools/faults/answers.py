"""An HTTP API that answers as strangers do: proxies, captive portals, half-dead servers."""

import gzip
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final, Self

from msgspec import Struct

HTML: Final = b"<!doctype html><title>Welcome</title><h1>Sign in to the network</h1>"
BOMB_BYTES: Final = 400_000_000


class Answer(Struct, frozen=True, kw_only=True):
    """What is sent back to every request."""

    status: int = 200
    headers: Mapping[str, str] = {}
    body: bytes = b""
    sent: float = 1.0
    """Which share of the body is sent before the connection is closed."""
    chunk_bytes: int = 65_536
    hangs: bool = False
    """After what is sent nothing comes, and the connection stays open until ``Api.release``."""


def bomb(size_bytes: int = BOMB_BYTES) -> bytes:
    """Return gzip data that is about a thousandth of the *size_bytes* that it unpacks to."""
    return gzip.compress(bytes(size_bytes), compresslevel=9)


def answers() -> dict[str, Answer]:
    """Return every kind of answer by its name; the bomb takes a second to make."""
    page = {"Content-Type": "text/html"}
    json = {"Content-Type": "application/json"}
    return {
        "html-200": Answer(headers=page, body=HTML),
        "html-400": Answer(status=400, headers=page, body=HTML),
        "html-404": Answer(status=404, headers=page, body=HTML),
        "html-413": Answer(status=413, headers=page, body=HTML),
        "html-422": Answer(status=422, headers=page, body=HTML),
        "html-502": Answer(status=502, headers=page, body=HTML),
        "foreign-json-200": Answer(headers=json, body=b'{"ok":true}'),
        "foreign-json-422": Answer(status=422, headers=json, body=b'{"detail":"no"}'),
        "wrong-results": Answer(headers=json, body=b'{"results":[]}'),
        "redirect": Answer(status=307, headers={"Location": "http://127.0.0.1:9/"}),
        "retry-after": Answer(status=503, headers={"Retry-After": "99999"}),
        "retry-after-text": Answer(status=503, headers={"Retry-After": "soon"}),
        "bomb": Answer(headers={**json, "Content-Encoding": "gzip"}, body=bomb()),
        "half": Answer(headers=json, body=b'{"results":[' + b" " * 10_000, sent=0.5),
        "byte-by-byte": Answer(headers=json, body=b'{"results":[]}', chunk_bytes=1),
        "hangs": Answer(headers=json, body=b'{"results":[', sent=0.5, hangs=True),
        "empty": Answer(headers=json),
        "no-utf-8": Answer(headers=json, body=b"\xff\xfe\x00{"),
        "deep": Answer(headers=json, body=b"[" * 100_000),
    }


class Api:
    """An HTTP server on loopback that gives *answer* to every request; it counts them, and can change its mind."""

    def __init__(self, answer: Answer, port: int = 0) -> None:
        self.answer = answer
        self.requests: list[str] = []
        self._released = threading.Event()
        self._stopped = False
        self._server = ThreadingHTTPServer(("127.0.0.1", port), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, name="strange answers", daemon=True)

    def __enter__(self) -> Self:
        """Serve."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop."""
        self.release()
        self._stopped = True
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        """Where it listens, as an address."""
        return f"http://127.0.0.1:{self.port}"

    def release(self) -> None:
        """Let those go that hang."""
        self._released.set()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        api = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                if api._stopped:  # A connection that was kept open belongs to nobody now.
                    self.close_connection = True
                    return
                answer = api.answer
                api.requests.append(f"{self.command} {self.path}")
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                self.send_response(answer.status)
                for name, value in {"Content-Length": str(len(answer.body)), **answer.headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                sent = answer.body[: round(len(answer.body) * answer.sent)]
                try:
                    for start in range(0, len(sent), answer.chunk_bytes):
                        self.wfile.write(sent[start : start + answer.chunk_bytes])
                except ConnectionError:
                    self.close_connection = True  # The client has had enough.
                if answer.hangs:
                    api._released.wait()
                self.close_connection = self.close_connection or answer.sent < 1

            do_POST = do_GET  # noqa: N815 - the name is the library's

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the library's
                """Write nothing to stderr."""

        return Handler
