"""Every call of every service to Redis ends in every way that a call can end, while cars come and go."""

import asyncio
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, suppress
from itertools import cycle, islice
from pathlib import Path

import pytest
from generator_client import finished
from parkstream_devtools import ServiceProcess
from parkstream_devtools.faults import ERRORS, Ending, RedisCalls
from parkstream_devtools.faults.redis_calls import Plan
from pipeline import POLL_SECONDS, Pipeline

ERRORS_PER_NAME = 2
CONNECTING = {"CLIENT SETNAME", "SELECT"}
"""What every new connection begins with; there is one after most of what is broken, so few of these are."""
SELDOM = {"XAUTOCLAIM", "parkstream_forget_consumers"}
"""What is called every two seconds: each time it is tried again is one of these."""
CAMERAS = {"PARKSTREAM_RATE": "25", "PARKSTREAM_DWELL_MEDIAN_SECONDS": "0.3", "PARKSTREAM_MISSED_SHARE": "0.1"}
IMPATIENT = {"PYTHONPATH": str(Path(__file__).parents[1] / "support" / "impatient")}
"""Half as long a wait for an answer that does not come."""
ROLES = ("record", "project", "deliver")
SECONDS_MAX = 540
AGAIN = {
    "summary-api": {"parkstream_summaries_commit", "HMGET"},
    "record": {"parkstream_append", "parkstream_at_once"},
    "project": {"parkstream_load", "parkstream_commit", "parkstream_at_once"},
    "console": {"parkstream_at_once"},
    "deliver": {"XREADGROUP", "XAUTOCLAIM", "parkstream_settle", "parkstream_forget_consumers"},
    "entry": {"parkstream_cameras_intend", "parkstream_cameras_settle"},
    "exit": {"parkstream_cameras_intend", "parkstream_cameras_park", "parkstream_cameras_due"},
}
"""What is called again and again, and so is broken in every way; all else is broken as often as it is called."""


class Mall:
    """A whole mall: each role of the backend is a process, and each process has calls of its own to break."""

    def __init__(self, pipeline: Pipeline, run: Callable[..., ServiceProcess], calls: Mapping[str, RedisCalls]) -> None:
        self.pipeline = pipeline
        self.calls = calls
        pipeline.environ |= IMPATIENT
        pipeline.start_api(self._through("summary-api"))
        for role in ROLES:
            pipeline.start_backend({"PARKSTREAM_ROLES": role, **self._through(role)}, ready=False)
        at = {"PARKSTREAM_SUMMARY_URL": pipeline.api.url}
        self.console = run("parkstream_console", pipeline.environ | at | self._through("console"), ready=False)
        self.entries, self.exits = (
            run(f"parkstream_{way}_generator", pipeline.environ | CAMERAS | self._through(way), ready=False)
            for way in ("entry", "exit")
        )

    def _through(self, name: str) -> dict[str, str]:
        return {"PARKSTREAM_REDIS_URL": self.calls[name].url}

    @property
    def services(self) -> list[ServiceProcess]:
        return [self.pipeline.api, *self.pipeline.backends, self.console, self.entries, self.exits]

    def left(self) -> dict[str, list[str]]:
        """Return what is called again and again, and has still to be broken in some way."""
        unbroken = {service: calls.unbroken().keys() for service, calls in self.calls.items()}
        uncalled = {service: AGAIN[service] - calls.calls.keys() for service, calls in self.calls.items()}
        left = {service: sorted(AGAIN[service] & unbroken[service] | uncalled[service]) for service in AGAIN}
        return {service: names for service, names in left.items() if names}

    def look(self) -> None:
        """Ask every service what it answers from Redis; that it cannot always is no matter here."""
        asked = [
            (self.pipeline.api, "/v1/stats"),
            *((self.console, path) for path in ("/v1/state", "/v1/inside", "/v1/visits/AB1", "/v1/parked")),
            *((one, "/v1/account") for one in (self.entries, self.exits)),
        ]
        for service, path in [*asked, *((one, "/health/ready") for one in self.services)]:
            with suppress(OSError):
                urllib.request.urlopen(service.url + path, timeout=10).close()

    def ended(self) -> list[str]:
        """Return the last lines of services that have ended."""
        return [service.last_lines(40) for service in self.services if not service.alive]


def plans() -> Iterator[Callable[[str], Plan]]:
    """Yield for one name after another how it is broken: each ending, and some of the errors."""
    errors = cycle(ERRORS)

    def plan_of(name: str) -> Plan:
        passing = 2 if name in CONNECTING else 0 if name in SELDOM else 1
        for way in (*Ending, *islice(errors, ERRORS_PER_NAME)):
            yield from (way, *[None] * passing)

    while True:
        yield plan_of


@pytest.fixture
def broken(run_service, redis_server, rabbitmq_url, mall, tmp_path) -> Iterator[Mall]:
    with ExitStack() as stack:
        names = ("summary-api", *ROLES, "console", "entry", "exit")
        calls = {name: stack.enter_context(RedisCalls(redis_server.port)) for name in names}
        for one, plan_of in zip(calls.values(), plans(), strict=False):
            one.plan_every_name(plan_of)
        yield Mall(Pipeline(run_service, redis_server.url, rabbitmq_url, mall, tmp_path), run_service, calls)


@pytest.mark.timeout(1_200)
async def test_every_call_of_every_service_may_end_in_every_way(broken: Mall):
    deadline = time.monotonic() + SECONDS_MAX
    while not broken.ended() and broken.left():
        assert time.monotonic() < deadline, broken.left()
        await asyncio.to_thread(broken.look)
        await asyncio.sleep(POLL_SECONDS)
    assert broken.ended() == []
    for service, calls in broken.calls.items():
        assert list(calls.calls) == list(calls.broken), service
        calls.pass_all()
    entered, exited = [(await finished(camera))["published"] for camera in (broken.entries, broken.exits)]
    await broken.pipeline.until(lambda: settled(broken.pipeline, entered, exited), SECONDS_MAX)
    lines = broken.pipeline.lines()
    assert max(Counter((line["visit_id"], line["revision"]) for line in lines).values()) == 1
    assert len(lines) == broken.pipeline.stats()["lines"]
    for service in broken.services:
        await asyncio.to_thread(service.wait_ready)
        assert "never awaited" not in service.output.read_text("utf-8")


def settled(pipeline: Pipeline, entered: int, exited: int) -> bool:
    """Return whether all that was published is recorded, projected and written, each once."""
    state, current = pipeline.state(), pipeline.stats()["current"]
    counters = state["counters"]
    waits = state["lag"] or state["pending"] or state["outbox_depth"] or state["parked"]
    on_disk = current["completed"] + current["entry_missed"]
    return not waits and (counters["entered"], counters["exited"], on_disk) == (entered, exited, exited)
