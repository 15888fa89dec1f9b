"""The pipeline as a whole, and the account that must balance afterwards."""

import asyncio
import json
import time
import urllib.request
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from msgspec import to_builtins
from parkstream_devtools import ServiceProcess
from parkstream_devtools.overview import overview_of
from pipeline_traffic import Traffic
from redis.exceptions import RedisError

RunService = Callable[..., ServiceProcess]
POLL_SECONDS = 0.1

QUICK = {
    "PARKSTREAM_ALLOWED_LATENESS_SECONDS": "0.3",
    "PARKSTREAM_SILENCE_GRACE_SECONDS": "1",
    "PARKSTREAM_HOLD_MAX_SECONDS": "5",
    "PARKSTREAM_DUPLICATE_WINDOW_SECONDS": "1",
}
"""Decisions that need not wait long, so that tests need not either."""


ALL_ROLES = ("record,project,deliver",)
EACH_ALONE = ("record", "project", "deliver")


class Pipeline:
    """A summary API and backends on servers of the test's choice; everything is private to the *mall*."""

    def __init__(self, run_service: RunService, redis_url: str, rabbitmq_url: str, mall: str, folder: Path) -> None:
        self._run = run_service
        self.rabbitmq_url = rabbitmq_url
        self.file = folder / f"{mall}.jsonl"
        self.environ = {
            **QUICK,
            "PARKSTREAM_REDIS_URL": redis_url,
            "PARKSTREAM_RABBITMQ_URL": rabbitmq_url,
            "PARKSTREAM_MALL": mall,
            "PARKSTREAM_PLATE_HASH_KEY": "test",
            "PARKSTREAM_TELEMETRY_STRICT": "true",
        }
        self.token = ""
        self.backends: list[ServiceProcess] = []
        self._api: ServiceProcess | None = None

    @property
    def api(self) -> ServiceProcess:
        """The summary API."""
        assert self._api is not None
        return self._api

    def start_api(self, environ: Mapping[str, str] | None = None, *, port: int = 0) -> ServiceProcess:
        """Start the summary API and wait until it is ready."""
        own = {"PARKSTREAM_SUMMARY_FILE": str(self.file), **(environ or {})}
        self._api = self._run("parkstream_summary_api", {**self.environ, **own}, port=port)
        return self._api

    def start_backend(self, environ: Mapping[str, str] | None = None, *, ready: bool = True) -> ServiceProcess:
        """Start one more backend."""
        at = {"PARKSTREAM_SUMMARY_URL": self._api.url} if self._api else {}
        own = {**at, **(environ or {})}
        backend = self._run("parkstream_backend", {**self.environ, **own}, ready=ready)
        self.backends.append(backend)
        return backend

    def start_backends(
        self, roles: Sequence[str], environ: Mapping[str, str] | None = None, *, ready: bool = True
    ) -> None:
        """Start a backend for each of *roles*, all at once."""
        started = [self.start_backend({**(environ or {}), "PARKSTREAM_ROLES": one}, ready=False) for one in roles]
        for backend in started if ready else ():
            backend.wait_ready()

    def start(self) -> None:
        """Start one of each."""
        self.start_api()
        self.start_backend()

    def state(self) -> dict[str, Any]:
        """Return where everything stands, as the console would answer: asked of Redis, so that none need run."""
        overview: dict[str, Any] = to_builtins(
            overview_of(self.environ["PARKSTREAM_REDIS_URL"], self.environ["PARKSTREAM_MALL"])
        )
        return overview

    def stats(self) -> dict[str, Any]:
        """Return what the summary API says of its file."""
        return get(f"{self.api.url}/v1/stats", self.token)

    def metrics(self) -> str:
        """Return the figures of the first backend."""
        with urllib.request.urlopen(f"{self.backends[0].url}/metrics", timeout=60) as answer:
            content: str = answer.read().decode()
            return content

    async def balances(self, traffic: Traffic, timeout_seconds: float = 180) -> dict[str, Any]:
        """Wait until all of *traffic* is on disk as the truth has it, and nothing else; return the last state."""
        deadline = time.monotonic() + timeout_seconds
        while missing := await asyncio.to_thread(self._missing, traffic):
            if time.monotonic() > deadline:
                raise AssertionError("\n".join([missing, *self._last_words()]))
            await asyncio.sleep(POLL_SECONDS)
        lines = self.lines()
        check_lines(lines, traffic)
        state = self.state()
        assert len(lines) == state["counters"]["emitted"] == self.stats()["lines"]
        return state

    async def until(self, condition: Callable[[], bool], timeout_seconds: float = 240) -> None:
        """Return when *condition* holds."""
        deadline = time.monotonic() + timeout_seconds
        while not condition():
            assert time.monotonic() < deadline, "\n".join(self._last_words())
            await asyncio.sleep(POLL_SECONDS)

    async def until_async(
        self, figure: Callable[[], Awaitable[int]], wanted: int, timeout_seconds: float = 240
    ) -> None:
        """Return when *figure* is *wanted*."""
        deadline = time.monotonic() + timeout_seconds
        while (found := await figure()) != wanted:
            assert time.monotonic() < deadline, "\n".join([f"{found}, not {wanted}", *self._last_words()])
            await asyncio.sleep(POLL_SECONDS)

    def lines(self) -> list[dict[str, Any]]:
        """Return the summaries in the file; none may be torn."""
        content = self.file.read_bytes()
        assert content.endswith(b"\n"), content[-200:]
        return [json.loads(line) for line in content.splitlines()]

    def _missing(self, traffic: Traffic) -> str:
        """Say what the account lacks; nothing when it may balance."""
        try:
            state, stats = self.state(), self.stats()
        except (OSError, ValueError, RedisError) as error:
            return f"no answer: {error!r}"
        counters, current = state["counters"], stats["current"]
        wanted = {
            "position at least": state["position"] >= traffic.sightings,
            "lag": state["lag"] == 0,
            "pending": state["pending"] == 0,
            "outbox": state["outbox_depth"] == 0,
            "parked": state["parked"] == 0,
            "entered": counters["entered"] == len(traffic.entries),
            "exited": counters["exited"] == len(traffic.exits),
            "completed": current["completed"] == traffic.completed,
            "entry_missed": current["entry_missed"] == traffic.entry_missed,
            "lines": stats["lines"] == counters["emitted"],
        }
        wrong = [name for name, right in wanted.items() if not right]
        return f"{wrong}: {state} {stats} {traffic}" if wrong else ""

    def _last_words(self) -> list[str]:
        counted = "no API answers" if self._api is None or not self._api.alive else str(self.stats())
        return [*(service.last_lines(25) for service in [self._api, *self.backends] if service), counted]


def get(url: str, token: str = "") -> dict[str, Any]:
    """Return the JSON at *url*."""
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"} if token else {})
    with urllib.request.urlopen(request, timeout=60) as answer:
        content: dict[str, Any] = json.load(answer)
        return content


def post(url: str, body: object = None, token: str = "") -> dict[str, Any]:
    """Post *body* to *url*, and return the JSON that is answered."""
    data = b"" if body is None else json.dumps(body).encode()
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    with urllib.request.urlopen(urllib.request.Request(url, data, headers, method="POST"), timeout=60) as answer:
        content: dict[str, Any] = json.loads(answer.read() or b"{}")
        return content


def check_lines(lines: list[dict[str, Any]], traffic: Traffic) -> None:
    """Hold the file to the truth: nothing lost, nothing twice, the last revision of each visit right."""
    pairs = Counter((line["visit_id"], line["revision"]) for line in lines)
    assert [pair for pair, times in pairs.items() if times > 1] == []
    current: dict[str, dict[str, Any]] = {}
    for line in sorted(lines, key=lambda line: int(line["revision"])):
        current[line["visit_id"]] = line
    revisions = Counter(line["visit_id"] for line in lines)
    assert all(current[visit]["revision"] == count for visit, count in revisions.items())
    by_exit = {line["exit_event_id"]: line for line in current.values() if line["outcome"] != "retracted"}
    assert by_exit.keys() >= traffic.exits.keys()
    for exit_id, plate in traffic.exits.items():
        line, entry_id = by_exit[exit_id], traffic.entry_of.get(plate)
        expected = ("completed", entry_id, plate) if entry_id else ("entry_missed", None, plate)
        assert (line["outcome"], line["entry_event_id"], line["vehicle_plate"]) == expected, line
