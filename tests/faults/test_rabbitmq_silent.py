"""A RabbitMQ that says nothing while its connections stay open: frozen, or behind a network that swallows packets.

Who records notices, whatever else he does; who only delivers goes on with what there is.
"""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

import pytest
from parkstream_devtools import RabbitServer, failing, is_ready
from parkstream_devtools.faults import Blackhole, Fault, Frozen, HalfOpen, Proxy, Weather
from pipeline import Pipeline
from pipeline_traffic import Cars

SILENT = "RabbitMQ has not answered"
TORN_DOWN = "not connected to RabbitMQ"
ROLES = ("record", "record,project,deliver", "deliver")
RECORDING = 2
"""How many of them record: the first ones."""


@pytest.fixture
def proxy(rabbitmq_server: RabbitServer) -> Iterator[Proxy]:
    with Proxy(rabbitmq_server.port) as proxy:
        yield proxy


@pytest.fixture
def direct_url(rabbitmq_server: RabbitServer, mall: str) -> str:
    return rabbitmq_server.add_vhost(mall)


@pytest.fixture
def pipeline(run_service, redis_url, direct_url, proxy, mall) -> Iterator[Pipeline]:
    with TemporaryDirectory() as folder:
        made = Pipeline(run_service, redis_url, direct_url, mall, Path(folder))
        parts = urlsplit(direct_url)
        made.environ["PARKSTREAM_RABBITMQ_URL"] = direct_url.replace(f":{parts.port}/", f":{proxy.port}/")
        made.start_api()
        made.start_backends(ROLES)
        yield made


async def says(pipeline: Pipeline, text: str) -> None:
    """Return when everybody who records has said *text*; the others are ready."""
    waited_for = [*pipeline.backends[:RECORDING]]

    def all_have_said() -> bool:
        waited_for[:] = [backend for backend in waited_for if text not in failing(backend.url).get("rabbitmq", "")]
        return not waited_for

    await pipeline.until(all_have_said, 120)
    assert all(is_ready(backend.url) for backend in pipeline.backends[RECORDING:])


async def all_ready(pipeline: Pipeline) -> None:
    await pipeline.until(lambda: all(is_ready(one.url) for one in pipeline.backends), 120)


@pytest.mark.parametrize("fault", [Blackhole, HalfOpen])
async def test_packets_that_vanish_are_noticed_and_the_connection_is_made_anew(
    pipeline: Pipeline, proxy: Proxy, fault: type[Fault]
):
    """Bytes pass again in the end, but nobody closes what they were missing from: only a new connection helps."""
    async with Cars(pipeline.rabbitmq_url) as cars:
        await cars.drive(20)
        await pipeline.balances(cars.traffic)
        fault(proxy).inject()
        await says(pipeline, SILENT)
        await cars.drive(20)
        await says(pipeline, TORN_DOWN)
        proxy.change(Weather())
        await all_ready(pipeline)
        await cars.drive(20)
        await pipeline.balances(cars.traffic)


async def test_a_rabbitmq_that_is_frozen_is_noticed(pipeline: Pipeline, rabbitmq_server: RabbitServer):
    async with Cars(pipeline.rabbitmq_url) as cars:
        await cars.drive(20)
        await pipeline.balances(cars.traffic)
        with Frozen(rabbitmq_server):
            await says(pipeline, SILENT)
            await says(pipeline, TORN_DOWN)
            driving = asyncio.create_task(cars.drive(20))
        await driving
        await all_ready(pipeline)
        await pipeline.balances(cars.traffic)


async def test_an_answer_that_comes_behind_what_is_delivered_slowly_is_waited_for(pipeline: Pipeline, proxy: Proxy):
    """A new connection would have all of it delivered again, as slowly."""
    async with Cars(pipeline.rabbitmq_url) as cars:
        await cars.drive(20)
        await pipeline.balances(cars.traffic)
        proxy.change(Weather(latency_seconds=0.5, chunk_bytes=4_096))
        await cars.drive(500)
        recording = pipeline.backends[:RECORDING]
        await pipeline.until(lambda: any(SILENT in failing(one.url).get("rabbitmq", "") for one in recording))
        await pipeline.balances(cars.traffic)
    assert not [one.output for one in pipeline.backends if "Reconnecting" in one.output.read_text()]


async def test_a_rabbitmq_that_is_silent_from_the_start(pipeline: Pipeline, proxy: Proxy):
    for backend in pipeline.backends:
        backend.kill()
    with Blackhole(proxy):
        for backend in pipeline.backends:
            backend.restart()
        for backend in pipeline.backends[:RECORDING]:
            await pipeline.until(
                lambda one=backend: "not subscribed yet: " in failing(one.url).get("rabbitmq", ""), 120
            )
        for backend in pipeline.backends:
            await pipeline.until(lambda one=backend: "the mark cannot be read" in failing(one.url).get("log", ""), 120)
    await all_ready(pipeline)
    async with Cars(pipeline.rabbitmq_url) as cars:
        await cars.drive(20)
        await pipeline.balances(cars.traffic)
