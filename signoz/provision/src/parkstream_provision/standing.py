"""Stays: looks for drift every ten minutes, answers whether there is any, and writes the alerts that it is sent."""

import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any, Final, Self

from parkstream_provision.errors import ProvisionError
from parkstream_provision.reporting import Report
from parkstream_provision.shapes import entries, fields

BODY_BYTES_MAX: Final = 1 << 20


class Standing:
    """Whether SigNoz is as it should be; *problem* says why not."""

    def __init__(self, look: Callable[[], Report], every_seconds: float) -> None:
        self.problem = "not looked yet"
        self.leave = Event()
        self._look = look
        self._every_seconds = every_seconds

    def stay(self) -> None:
        """Look again and again until ``leave`` is set."""
        while not self.leave.wait(self._every_seconds):
            try:
                self.found(self._look())
            except ProvisionError as error:
                self.failed(error)

    def found(self, report: Report) -> None:
        """Take in what *report* says."""
        drift = [f"{one.kind} {one.name}: {one.why or one.action}" for one in report.drift]
        self._set("; ".join(drift), "drifted", drift=drift)

    def failed(self, error: ProvisionError) -> None:
        """Take in that nobody could look."""
        self._set(str(error), "unchecked", detail=str(error))

    def _set(self, problem: str, event: str, **about: Any) -> None:  # noqa: ANN401 - JSON
        if problem != self.problem:
            say(f"provision.{event}" if problem else "provision.as_wanted", **(about if problem else {}))
        self.problem = problem


def say(event: str, **about: Any) -> None:  # noqa: ANN401 - JSON
    """Write one line of the log."""
    line = {"timestamp": datetime.now(UTC).isoformat(), "event": event, **about}
    sys.stdout.write(json.dumps(line, ensure_ascii=False) + "\n")
    sys.stdout.flush()


class Server:
    """Answers ``/health/live`` and ``/health/ready`` while it is entered; POST ``/alerts`` writes what came."""

    def __init__(self, standing: Standing, host: str, port: int) -> None:
        handler = type("Handler", (_Handler,), {"standing": standing})
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
    standing: Standing

    def do_GET(self) -> None:
        """Answer health."""
        problem = self.standing.problem
        match self.path:
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
            say("alert", **{key: fields(alert).get(key) for key in ("status", "labels", "annotations", "startsAt")})
        self._answer(HTTPStatus.OK, {"status": "ok"})

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002, ANN401 - http.server's names
        """Say nothing of requests: health checks are many."""

    def _answer(self, status: HTTPStatus, body: dict[str, str]) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
