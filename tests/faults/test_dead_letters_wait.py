"""Messages that can neither be recorded nor be dead-lettered: they wait, and hold back no other, whatever the roles."""

import asyncio
import json
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple
from urllib.error import HTTPError
from urllib.request import urlopen

import aio_pika
import pytest
from aio_pika.exceptions import DeliveryError
from backend_sightings import entry, now, publish_entry
from command_line import CommandLine
from parkstream_devtools import RabbitServer
from parkstream_devtools.faults import DiskAlarm, Fault, MemoryAlarm, QueueDeleted, QueueFull, Refused
from parkstream_events import topology
from parkstream_messaging.connection import make_broker
from parkstream_messaging.topology import declare
from parkstream_telemetry import names
from pipeline import ALL_ROLES, EACH_ALONE, Pipeline, get

GOOD = 1_500
WAITING, AGE = names.DEAD_LETTERS_WAITING.family, names.DEAD_LETTERS_WAITING_AGE.family
DEAD = topology.DEAD_LETTERS_QUEUE


class Mall(NamedTuple):
    """A pipeline on a RabbitMQ that may be hurt."""

    pipeline: Pipeline
    rabbitmq: RabbitServer
    vhost: str

    async def prepare(self) -> None:
        """Declare everything, as generators would, and start the summary API."""
        broker = make_broker(self.pipeline.rabbitmq_url)
        await broker.connect()
        await declare(broker)
        await broker.stop()
        await asyncio.to_thread(self.pipeline.start_api)

    async def publish(self, *bodies: bytes) -> None:
        async with await aio_pika.connect(self.pipeline.rabbitmq_url) as connection:
            events = await (await connection.channel()).get_exchange(topology.EVENTS_EXCHANGE)
            for first in range(0, len(bodies), 100):
                await asyncio.gather(*(publish_entry(events, body) for body in bodies[first : first + 100]))

    async def until(self, condition: Callable[[], bool]) -> None:
        await self.pipeline.until(condition)

    async def recorded(self, count: int) -> None:
        """Return when *count* good ones are recorded and acknowledged, and the rest is unacknowledged."""
        await self.until(lambda: self.position() >= count)

    def position(self) -> int:
        """Return how many cars entered."""
        return int(self.pipeline.state()["counters"]["entered"])

    def depth(self, queue: str) -> dict[str, int | None]:
        """Return what RabbitMQ says is in *queue*, ready and not acknowledged; it says so every few seconds."""
        found = json.loads(self.rabbitmq.management.request("GET", f"/queues/{self.vhost}/{queue}"))
        return {"ready": found.get("messages_ready"), "unacked": found.get("messages_unacknowledged")}

    def problem(self) -> str:
        """Return what the backend says about dead letters that wait."""
        try:
            health = get(f"{self.pipeline.backends[0].url}/health/ready")
        except HTTPError as error:
            health = json.load(error)
        return str(health["checks"]["dead_letters"].get("detail", ""))

    def figure(self, name: str) -> float:
        with urlopen(f"{self.pipeline.backends[0].url}/metrics") as answer:
            lines = dict(line.rsplit(" ", 1) for line in answer.read().decode().splitlines() if line[0] != "#")
        return float(lines[name])

    def doctor(self) -> dict[str, dict[str, Any]]:
        backend = {"PARKSTREAM_BACKEND_URL": self.pipeline.backends[0].url}
        answer = CommandLine({**self.pipeline.environ, **backend})("doctor", "--json")
        return {finding["about"]: finding for finding in json.loads(answer.out)["findings"]}


@pytest.fixture(scope="module", autouse=True)
def told_often(rabbitmq_server: RabbitServer) -> None:
    """Let RabbitMQ say what is in its queues twice a second; by default it does so every five."""
    for name in ("collect_statistics_interval", "quorum_tick_interval"):
        rabbitmq_server.control("eval", f"application:set_env(rabbit, {name}, 500).")


@pytest.fixture
async def mall_(run_service, redis_url, rabbitmq_server, mall, tmp_path) -> Mall:
    rabbitmq = rabbitmq_server.add_vhost(mall)
    found = Mall(Pipeline(run_service, redis_url, rabbitmq, mall, tmp_path), rabbitmq_server, mall)
    await found.prepare()
    return found


def good(count: int, name: str = "good") -> list[bytes]:
    return [entry(f"{name}-{number}", f"G{number}", now()) for number in range(count)]


def poison(count: int) -> list[bytes]:
    return [b"{poison %d" % number for number in range(count)]


async def letters(url: str) -> list[bytes]:
    """Take every dead letter and return the bodies."""
    async with await aio_pika.connect(url) as connection:
        queue = await (await connection.channel()).get_queue(DEAD)
        found = []
        while (letter := await queue.get(fail=False, no_ack=True)) is not None:
            found.append(letter.body)
    return found


async def filled(mall: Mall) -> int:
    """Publish to the dead letters until RabbitMQ rejects that; return how many it took."""
    async with await aio_pika.connect(mall.pipeline.rabbitmq_url) as connection:
        channel = await connection.channel(on_return_raises=True)
        exchange = await channel.get_exchange(topology.DEAD_LETTERS_EXCHANGE)
        for count in range(1_000):
            try:
                await exchange.publish(aio_pika.Message(b"filler", delivery_mode=2), "")
            except DeliveryError:
                return count
    raise AssertionError("never full")


async def stays_with(mall: Mall, count: int) -> None:
    """*count* wait: the good ones are acknowledged meanwhile, and everybody who is asked names the others."""
    await mall.until(lambda: mall.depth(topology.ENTRIES_QUEUE) == {"ready": 0, "unacked": count})
    await mall.until(lambda: mall.problem().startswith(f"{count} refused messages wait for the dead letters since 20"))
    assert mall.figure(WAITING) == count
    assert mall.figure(AGE) > 0
    finding = (await asyncio.to_thread(mall.doctor))["backend: dead_letters"]
    assert finding["level"] == "wrong"
    assert finding["found"].startswith(f"{count} refused messages wait")


async def heals_with(mall: Mall, bodies: list[bytes], fillers: int = 0) -> None:
    """Each of *bodies* is dead-lettered once, after *fillers*, and nothing waits any more."""
    await mall.until(lambda: mall.figure(WAITING) == 0)
    await mall.until(lambda: mall.depth(topology.ENTRIES_QUEUE) == {"ready": 0, "unacked": 0})
    await asyncio.to_thread(mall.pipeline.backends[0].wait_ready)
    await asyncio.to_thread(mall.pipeline.backends[0].terminate)
    assert sorted(await letters(mall.pipeline.rabbitmq_url)) == sorted([*bodies, *[b"filler"] * fillers])


@pytest.mark.parametrize(("roles", "alarm", "count"), [(ALL_ROLES, MemoryAlarm, 1), (EACH_ALONE, DiskAlarm, 40)])
async def test_an_alarm_with_poison_in_front_of_good_ones(
    mall_: Mall, roles: Sequence[str], alarm: type[Fault], count: int
):
    """No camera publishes meanwhile, so what is there came before; the backend starts into the alarm.

    It has run before: where there has never been a mark, a backend waits until RabbitMQ takes one.
    """
    before = await asyncio.to_thread(mall_.pipeline.start_backend)
    assert await asyncio.to_thread(before.terminate) == 0
    mall_.pipeline.backends.clear()
    await mall_.publish(*poison(count), *good(GOOD))
    with alarm(mall_.rabbitmq):
        few = {"PARKSTREAM_PREFETCH_COUNT": "50"}
        await asyncio.to_thread(mall_.pipeline.start_backends, roles, few, ready=False)
        await mall_.recorded(GOOD)
        await stays_with(mall_, count)
        assert "memory or disk" in mall_.problem()
    await heals_with(mall_, poison(count))


async def test_a_full_queue_of_dead_letters(mall_: Mall):
    with QueueFull(mall_.rabbitmq, mall_.vhost, DEAD):
        fillers = await filled(mall_)
        await asyncio.to_thread(mall_.pipeline.start_backends, EACH_ALONE)
        await mall_.publish(*poison(3), *good(GOOD), *poison(3))
        await mall_.recorded(GOOD)
        await stays_with(mall_, 6)
        assert "Nack" in mall_.problem()
    await heals_with(mall_, poison(3) * 2, fillers)


@pytest.mark.parametrize("running", [True, False])
async def test_dead_letters_that_are_refused(mall_: Mall, running: bool):
    if running:
        await asyncio.to_thread(mall_.pipeline.start_backend)
    with Refused(mall_.rabbitmq, mall_.vhost, topology.DEAD_LETTERS_EXCHANGE):
        await mall_.publish(*poison(3), *good(GOOD), *poison(3))
        if not running:
            await asyncio.to_thread(mall_.pipeline.start_backends, EACH_ALONE, ready=False)
        await mall_.recorded(GOOD)
        await stays_with(mall_, 6)
        assert "ACCESS_REFUSED" in mall_.problem()
    await heals_with(mall_, poison(3) * 2)


@pytest.mark.parametrize("running", [True, False])
async def test_a_queue_of_dead_letters_that_is_deleted_is_declared_again(mall_: Mall, running: bool):
    if running:
        await asyncio.to_thread(mall_.pipeline.start_backend)
    QueueDeleted(mall_.rabbitmq, mall_.vhost, DEAD).inject()
    await mall_.publish(*poison(2), *good(GOOD))
    if not running:
        await asyncio.to_thread(mall_.pipeline.start_backends, EACH_ALONE)
    await mall_.recorded(GOOD)
    await heals_with(mall_, poison(2))


async def test_more_poison_than_the_prefetch_holds_back_no_good_one(mall_: Mall):
    with QueueFull(mall_.rabbitmq, mall_.vhost, DEAD):
        fillers = await filled(mall_)
        await asyncio.to_thread(mall_.pipeline.start_backend, {"PARKSTREAM_PREFETCH_COUNT": "50"})
        await mall_.publish(*poison(400), *good(GOOD))
        await mall_.recorded(GOOD)
        await stays_with(mall_, 400)
    await heals_with(mall_, poison(400), fillers)
