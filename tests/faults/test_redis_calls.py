"""Every call of every service to Redis ends in every way that a call can end, while cars come and go."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import cycle, islice

import pytest
from generator_client import Account, account, finished, reached
from parkstream_devtools import ServiceProcess
from parkstream_devtools.faults import ERRORS, Ending, RedisCalls
from pipeline import Pipeline

ERRORS_PER_NAME = 3
AT_START: dict[str, set[str]] = {}
"""What is called when a service starts, and hardly ever again: it is broken there, not in every way."""
CAMERAS = {"PARKSTREAM_RATE": "25", "PARKSTREAM_DWELL_MEDIAN_SECONDS": "0.3", "PARKSTREAM_MISSED_SHARE": "0.1"}
ROLES = ("record", "project", "deliver")


class Mall:
    """A whole mall: each role of the backend is a process, and each process has calls of its own to break."""

    def __init__(self, pipeline: Pipeline, run_service, calls: dict[str, RedisCalls]) -> None:
        self.pipeline = pipeline
        self.calls = calls
        self.pipeline.start_api(self._through("summary-api"))
        for role in ROLES:
            pipeline.start_backend({"PARKSTREAM_ROLES": role, **self._through(role)}, ready=False)
        self.entries, self.exits = (
            run_service(f"parkstream_{name}_generator", pipeline.environ | CAMERAS | self._through(name), ready=False)
            for name in ("entry", "exit")
        )

    def _through(self, name: str) -> dict[str, str]:
        return {"PARKSTREAM_REDIS_URL": self.calls[name].url}

    @property
    def services(self) -> list[ServiceProcess]:
        return [self.pipeline.api, *self.pipeline.backends, self.entries, self.exits]

    def left(self) -> dict[str, list[str]]:
        """Return what is still to be broken of what is called again and again."""
        return {name: list(calls.unbroken()) for name, calls in self.calls.items() if calls.unbroken()}


def plans() -> Iterator[list[str]]:
    """Yield for one name after another how it is broken: each ending, and some of the errors."""
    errors = cycle(ERRORS)
    while True:
        yield [*Ending, *islice(errors, ERRORS_PER_NAME)]


@pytest.fixture
def mall_of_broken_calls(run_service, redis_server, rabbitmq_url, mall, tmp_path):
    plan = plans()
    with ExitStack() as stack:
        calls = {
            name: stack.enter_context(RedisCalls(redis_server.port))
            for name in ("summary-api", *ROLES, "entry", "exit")
        }
        for one in calls.values():
            one.plan_every_name(lambda _: next(plan))
        yield Mall(Pipeline(run_service, redis_server.url, rabbitmq_url, mall, tmp_path), run_service, calls)


async def test_every_call_of_every_service_may_end_in_every_way(mall_of_broken_calls: Mall):
    mall = mall_of_broken_calls
    for _ in range(100):
        await asyncio.sleep(1)
        print({name: {k: (c.calls[k], len(v)) for k, v in c.unbroken().items()} for name, c in mall.calls.items()})
        if not mall.left():
            break
    for service in mall.services:
        assert service.alive, service.last_lines()
