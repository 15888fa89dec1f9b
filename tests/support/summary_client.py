"""Asks summary-api over HTTP, as curl would."""

import json
import time
from collections.abc import Callable
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode

from parkstream_events.summaries import SummaryItem
from summary_items import body

DEADLINE_SECONDS = 120.0


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    content: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.content)


class Client:
    """A client of the server on *port*."""

    def __init__(self, port: int, token: str | None = None) -> None:
        self.port = port
        self.headers = {"Authorization": f"Bearer {token}"} if token else {}

    def ask(self, path: str, content: bytes | None = None, method: str | None = None, **query: Any) -> Answer:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=120)
        try:
            target = path + ("?" + urlencode(query) if query else "")
            headers = self.headers if content is None else {"Content-Type": "application/json"} | self.headers
            connection.request(method or ("GET" if content is None else "POST"), target, content, headers)
            response = connection.getresponse()
            headers = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, headers, response.read())
        finally:
            connection.close()

    def post(self, *items: SummaryItem) -> list[str]:
        """Return what became of each of *items*."""
        answer = self.ask("/v1/summaries", body(*items))
        assert answer.status == 200, answer
        return [result["status"] for result in answer.json["results"]]

    def visits(self, **query: Any) -> list[str]:
        """Return the visit ids of one page."""
        return [summary["visit_id"] for summary in self.ask("/v1/summaries", **query).json["summaries"]]

    def visit(self, visit_id: str, **query: Any) -> Answer:
        return self.ask(f"/v1/summaries/{quote(visit_id, safe='')}", **query)

    def stats(self) -> dict[str, Any]:
        answer = self.ask("/v1/stats")
        assert answer.status == 200, answer
        return dict(answer.json)


def environ(file: Path, redis_url: str, mall: str, **more: str) -> dict[str, str]:
    """Return the environment of a server that writes *file*."""
    return {
        "PARKSTREAM_SUMMARY_FILE": str(file),
        "PARKSTREAM_REDIS_URL": redis_url,
        "PARKSTREAM_MALL": mall,
        "PARKSTREAM_TELEMETRY_STRICT": "true",
        **more,
    }


def eventually(holds: Callable[[], bool], deadline_seconds: float = DEADLINE_SECONDS) -> None:
    """Return when *holds* does; fail when it does not in time."""
    deadline = time.monotonic() + deadline_seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)
