"""Whatever becomes of the receiver of telemetry, the account balances and memory stays bounded."""

import re

import psutil
import pytest
from parkstream_devtools import ServiceProcess
from parkstream_devtools.otlp.sink import Sink
from pipeline_traffic import Cars
from traces import Traced, read, traced_pipeline

QUEUE_MAX = 200
CARS = 300
GROWTH_BYTES_MAX = 48 * 1024 * 1024
"""For 1,600 events: what a service warms up, but less than would heap up without bounds."""


@pytest.fixture
def traced(sandbox, servers, tmp_path):
    with traced_pipeline(sandbox, *servers, tmp_path) as made:
        made.pipeline.environ["OTEL_BSP_MAX_QUEUE_SIZE"] = str(QUEUE_MAX)
        made.pipeline.environ["OTEL_BSP_MAX_EXPORT_BATCH_SIZE"] = "50"
        made.pipeline.start()
        yield made


def figure(service: ServiceProcess, name: str) -> float:
    """Return the sum of a metric over its labels."""
    return sum(
        float(value)
        for value in re.findall(rf"^{name}\{{.*traces.*\}} (\S+)$", read(f"{service.url}/metrics"), re.MULTILINE)
    )


async def test_the_account_balances_with_a_receiver_that_fails_and_is_slow_and_gone(traced: Traced):
    services = [traced.pipeline.api, *traced.pipeline.backends]
    async with Cars(traced.pipeline.rabbitmq_url) as cars:
        await cars.drive(20)
        await traced.pipeline.balances(cars.traffic)
        before = [psutil.Process(service.pid).memory_info().rss for service in services]
        for trouble in (fail, be_slow, go):
            trouble(traced.sink)
            await cars.drive(CARS)
            await traced.pipeline.balances(cars.traffic)
            for service, bytes_ in zip(services, before, strict=True):
                assert psutil.Process(service.pid).memory_info().rss - bytes_ < GROWTH_BYTES_MAX
                assert figure(service, "parking_telemetry_waiting") <= QUEUE_MAX
    assert figure(services[1], "parking_telemetry_dropped_total") > 0
    assert {service.terminate() for service in services} == {0}


def fail(sink: Sink) -> None:
    sink.failing = True


def be_slow(sink: Sink) -> None:
    sink.failing = False
    sink.delay_seconds = 10


def go(sink: Sink) -> None:
    sink.close()
