"""Answers whether there is drift, shows the runbook that alerts link to, and logs the alerts that it is sent."""

import json
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, Final, Self

from parkstream_service.access import LOOPBACK, Arrival, objection

from parkstream_provision.runbook import page
from parkstream_provision.shapes import entries, fields
from parkstream_provision.watch import Watch, log

BODY_BYTES_MAX: Final = 1 << 20


class Server:
    """Answers ``/health/live``, ``/health/ready``, ``/runbook`` while it is entered; POST ``/alerts`` logs alerts."""

    def __init__(
        self, watch: Watch, runbook: Path, host: str, port: int, allowed: frozenset[str] = frozenset(LOOPBACK)
    ) -> None:
        handler = type("Handler", (_Handler,), {"watch": watch, "runbook": runbook, "allowed": allowed})
        self._server = ThreadingHTTPServer((host, port), handler)
        self.port: int = self._server.server_address[1]
        self._thread = Thread(target=self._server.serve_forever, name="health", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    watch: Watch
    runbook: Path
    allowed: frozenset[str]

    def do_GET(self) -> None:
        """Answer health, or show the runbook."""
        if self._refused():
            return
        problem = self.watch.problem
        match self.path:
            case "/runbook" if self.runbook.is_file():
                self._send(HTTPStatus.OK, "text/html; charset=utf-8", page(self.runbook).encode())
            case "/health/live":
                self._answer(HTTPStatus.OK, {"status": "ok"})
            case "/health/ready" if problem:
                self._answer(HTTPStatus.SERVICE_UNAVAILABLE, {"status": "drift", "detail": problem})
            case "/health/ready":
                self._answer(HTTPStatus.OK, {"status": "ok"})
            case _:
                self._answer(HTTPStatus.NOT_FOUND, {"status": "not found"})

    def do_POST(self) -> None:
        """Write an alert."""
        if self._refused():
            return
        if self.headers.get_content_type() != "application/json":
            self._answer(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, {"status": "send alerts as application/json"})
            return
        length = self.headers.get("Content-Length", "")
        if self.path != "/alerts" or not length.isdecimal() or int(length) > BODY_BYTES_MAX:
            self._answer(HTTPStatus.BAD_REQUEST, {"status": "POST alerts of at most 1 MiB to /alerts"})
            return
        try:
            body = fields(json.loads(self.rfile.read(int(length))))
        except ValueError:
            self._answer(HTTPStatus.BAD_REQUEST, {"status": "that is no JSON"})
            return
        for alert in entries(body.get("alerts")):
            log("alert", **{key: fields(alert).get(key) for key in ("status", "labels", "annotations", "startsAt")})
        self._answer(HTTPStatus.OK, {"status": "ok"})

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002, ANN401 - http.server's names
        """Say nothing of requests: health checks are many."""

    def _refused(self) -> bool:
        """Refuse what a page of another site sends, or who asks for another name; health answers any."""
        if self.path.startswith("/health/"):
            return False
        headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in self.headers.items()]
        address = str(self.connection.getsockname()[0])
        problem = objection(Arrival(headers, address, page=self.path == "/runbook"), self.allowed)
        if problem:
            self._answer(HTTPStatus.FORBIDDEN, {"status": problem})
        return bool(problem)

    def _answer(self, status: HTTPStatus, body: dict[str, str]) -> None:
        self._send(status, "application/json", json.dumps(body).encode())

    def _send(self, status: HTTPStatus, kind: str, content: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
