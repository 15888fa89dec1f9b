"""Two malls on one vhost: one of them takes its events, all of them; the other one takes none and says why."""

import time
from pathlib import Path

import aio_pika
import pytest
from parkstream_devtools import RedisServer, ServiceProcess, failing
from parkstream_events.topology import ENTRIES_QUEUE, EXITS_QUEUE
from pipeline import Pipeline
from pipeline_traffic import Cars
from redis_contents import data_of

CARS = 40
RULED = ("the mall", "virtual host of its own")


@pytest.fixture
def malls(run_service, redis_url: str, redis_server: RedisServer, rabbitmq_url: str, tmp_path: Path) -> list[Pipeline]:
    """Two malls that were given the same vhost; each has a Redis."""
    urls = {tmp_path.name: redis_url, f"{tmp_path.name}-2": redis_server.url}
    return [Pipeline(run_service, url, rabbitmq_url, mall, tmp_path) for mall, url in urls.items()]


async def consumers(rabbitmq_url: str) -> int:
    """Return how many consumers the work queues have."""
    async with await aio_pika.connect(rabbitmq_url) as connection, connection.channel() as channel:
        queues = [await channel.declare_queue(name, passive=True) for name in (ENTRIES_QUEUE, EXITS_QUEUE)]
        return sum(queue.declaration_result.consumer_count or 0 for queue in queues)


def refuses(service: ServiceProcess) -> bool:
    return all(word in failing(service.url).get("log", "") for word in RULED)


async def test_a_mall_that_comes_second_takes_no_event_of_the_first(malls: list[Pipeline], redis_server: RedisServer):
    first, second = malls
    first.start()
    async with Cars(first.rabbitmq_url) as cars:
        await cars.drive(CARS)
        refused = second.start_backend(ready=False)
        await second.until(lambda: refuses(refused))
        await cars.drive(CARS)
        assert await consumers(first.rabbitmq_url) == 2
        await first.balances(cars.traffic)
    assert refused.alive
    assert first.backends[0].alive
    assert data_of(redis_server) == {}


async def test_of_two_malls_that_start_at_once_one_goes_on_and_the_other_records_nothing(malls: list[Pipeline]):
    for one in malls:
        one.start_api()
    started = [one.start_backend(ready=False) for one in malls]
    deadline = time.monotonic() + 240
    while sorted(map(state_of, started)) != ["ready", "refuses"]:
        assert time.monotonic() < deadline, [service.last_lines(20) for service in started]
    winner, loser = sorted(malls, key=lambda one: state_of(one.backends[0]))
    async with Cars(winner.rabbitmq_url) as cars:
        await cars.drive(CARS)
        await winner.balances(cars.traffic)
        assert await consumers(winner.rabbitmq_url) == 2
    assert loser.state()["position"] == 0
    assert state_of(loser.backends[0]) == "refuses"


def state_of(service: ServiceProcess) -> str:
    """Return what a backend says of itself."""
    try:
        found = failing(service.url)
    except OSError:
        return "starts"
    return "refuses" if refuses(service) else "complains" if found else "ready"
