"""A RabbitMQ that says nothing while its connections stay open: frozen, or behind a network that swallows packets."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

import pytest
from health import is_ready, problem
from parkstream_devtools import RabbitServer
from parkstream_devtools.faults import Blackhole, Fault, Frozen, HalfOpen, Proxy, Weather
from pipeline import Pipeline
from pipeline_traffic import Cars

SILENT = "RabbitMQ has not answered"
TORN_DOWN = "not connected to RabbitMQ"


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
        made.start()
        yield made


async def says(pipeline: Pipeline, text: str) -> None:
    await pipeline.until(lambda: text in problem(pipeline.backends[0], "rabbitmq"), 120)


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
        await pipeline.until(lambda: is_ready(pipeline.backends[0]), 120)
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
        await pipeline.until(lambda: is_ready(pipeline.backends[0]), 120)
        await pipeline.balances(cars.traffic)


async def test_a_rabbitmq_that_is_silent_from_the_start(pipeline: Pipeline, proxy: Proxy):
    pipeline.backends[0].kill()
    with Blackhole(proxy):
        pipeline.backends[0].restart()
        await says(pipeline, "not subscribed yet: ")
    await pipeline.until(lambda: is_ready(pipeline.backends[0]), 120)
    async with Cars(pipeline.rabbitmq_url) as cars:
        await cars.drive(20)
        await pipeline.balances(cars.traffic)
