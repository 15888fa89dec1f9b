"""Redis with replicas and Sentinels: the primary is lost in every way, and nothing that was acknowledged is."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack

import aio_pika
import pytest
from camera_queues import declared, drained
from command_line import CommandLine
from generator_client import account, finished, reached
from parkstream_devtools import ReplicatedRedis, Sandbox, ServiceProcess, failing
from parkstream_devtools import free_port as a_free_port
from parkstream_devtools.faults import Blackhole, Fault, Frozen, Killed, Proxy, Weakened
from parkstream_devtools.servers.replicated_redis import Place, SentinelServer
from parkstream_events import topology
from pipeline import Pipeline
from pipeline_traffic import Cars, driving

PAUSE = 0.5
"""Between 20 cars and the next."""
WAITS = {"PARKSTREAM_REDIS_REPLICAS_MIN": "1"}


@pytest.fixture(scope="module")
def network() -> Iterator[Proxy]:
    """What is between the first primary and all others."""
    with Proxy(a_free_port()) as proxy:
        yield proxy


@pytest.fixture(scope="module")
def redis(sandbox: Sandbox, network: Proxy) -> Iterator[ReplicatedRedis]:
    servers = sandbox.replicated_redis(places=[Place(network.upstream_port, network.port)])
    yield servers
    servers.close()


@pytest.fixture
async def pipeline(run_service, redis, rabbitmq_url, mall, tmp_path) -> AsyncIterator[Pipeline]:
    """A pipeline that waits for a replica; afterwards every node is one of them again."""
    pipeline = Pipeline(run_service, redis.url, rabbitmq_url, mall, tmp_path)
    pipeline.environ |= WAITS
    pipeline.start()
    yield pipeline
    await pipeline.until(redis.in_step)


@pytest.fixture
async def url_beside(servers, service_ending, mall) -> AsyncIterator[str]:
    """A vhost beside, whose events nobody takes."""
    name = f"beside-{mall}"
    yield await declared(servers.rabbitmq.add_vhost(name))
    service_ending.close()
    servers.rabbitmq.delete_vhost(name)


@pytest.fixture
def cameras(run_service, redis, url_beside, mall) -> list[ServiceProcess]:
    """Generators of a mall beside, which keep what they mean in the same Redis."""
    environ = {
        "PARKSTREAM_RABBITMQ_URL": url_beside,
        "PARKSTREAM_REDIS_URL": redis.url,
        "PARKSTREAM_MALL": f"beside-{mall}",
        "PARKSTREAM_RATE": "20",
        "PARKSTREAM_DWELL_MEDIAN_SECONDS": "0.5",
        **WAITS,
    }
    return [run_service(f"parkstream_{way}_generator", environ) for way in ("entry", "exit")]


async def publish_more(cameras: list[ServiceProcess]) -> None:
    """Return when each of *cameras* has published some more."""
    for camera in cameras:
        before = await asyncio.to_thread(account, camera)
        await reached(camera, lambda now, before=before: now["published"] > before["published"] + 10)


async def account_is_exact(cameras: list[ServiceProcess], url: str) -> None:
    """Let the *cameras* end, and compare what they count with what lies in RabbitMQ, each event once."""
    for camera, queue in zip(cameras, (topology.ENTRIES_QUEUE, topology.EXITS_QUEUE), strict=True):
        counted = (await finished(camera))["published"]
        assert counted == len({message.id for message in await drained(url, queue)})


@pytest.fixture
def near(redis, network) -> Iterator[SentinelServer]:
    """A Sentinel at the side of the first primary, which it reaches whatever happens to the network."""
    sentinel = redis.sentinel("near", network.upstream_port, 2)
    yield sentinel
    sentinel.kill()


async def lines_grow(pipeline: Pipeline, by: int = 20) -> None:
    """Return when cars are delivered."""
    before = pipeline.file.stat().st_size if pipeline.file.exists() else 0
    lines = pipeline.file.read_bytes()[:before].count(b"\n") if before else 0
    await pipeline.until(lambda: pipeline.file.exists() and pipeline.file.read_bytes().count(b"\n") >= lines + by)


async def ready_in_rabbitmq(pipeline: Pipeline) -> int:
    """Return how many sightings wait there that no consumer holds."""
    connection = await aio_pika.connect(pipeline.rabbitmq_url)
    async with connection, connection.channel() as channel:
        queues = [await channel.declare_queue(name, passive=True) for name in topology.WORK_QUEUES]
        return sum(queue.declaration_result.message_count or 0 for queue in queues)


async def all_is_well(pipeline: Pipeline, cars: Cars) -> None:
    """Hold the file, the log and the state to what was published."""
    await pipeline.balances(cars.traffic)
    assert all(one.alive for one in [pipeline.api, *pipeline.backends])
    for words in ("replay --check --json", "log verify --json"):
        answer = await asyncio.to_thread(CommandLine(pipeline.environ), *words.split())
        assert answer.code == 0, answer.err + answer.out


async def test_what_is_recorded_on_the_minority_side_of_a_partition_is_recorded_again(pipeline, redis, network, near):
    """A backend goes on with the old primary, over the connections that it has; so nothing there may count."""
    old = redis.primary()
    assert old is redis.nodes[0]
    minority = pipeline.start_backend({"PARKSTREAM_REDIS_URL": redis.url_at([near.port])})
    async with Cars(pipeline.rabbitmq_url) as cars, driving(cars, pause_seconds=PAUSE):
        await lines_grow(pipeline)
        with Blackhole(network), Frozen(near):
            await pipeline.until(lambda: "waits for replicas" in minority.output.read_text())
            await pipeline.until(lambda: redis.primary() is not old)
            await lines_grow(pipeline)
        await pipeline.until(redis.in_step)
        await lines_grow(pipeline)
    await all_is_well(pipeline, cars)


async def test_while_no_replica_has_it_nothing_is_acknowledged_or_posted(pipeline: Pipeline, redis):
    """Not what a blocked read brings either: the entry is in the outbox of the primary, and nowhere else."""
    backend = pipeline.backends[0]
    async with Cars(pipeline.rabbitmq_url) as cars:
        await cars.drive(20)
        await pipeline.balances(cars.traffic)
        events = await cars.meet(20)
        await cars.publish([one for one in events if one.is_entry])
        await pipeline.until(lambda: pipeline.state()["counters"]["entered"] == len(cars.traffic.entries))
        before = pipeline.state()
        posted = pipeline.file.stat().st_size
        with ExitStack() as frozen:
            frozen.enter_context(Weakened(redis.primary(), min_replicas_max_lag="600"))  # Else it takes nothing soon.
            for node in redis.replicas():
                frozen.enter_context(Frozen(node))
            await cars.publish([one for one in events if not one.is_entry])
            await pipeline.until(lambda: "replicas" in failing(backend.url).get("redis", ""))
            await pipeline.until(lambda: pipeline.state()["counters"]["emitted"] > before["counters"]["emitted"])
            assert pipeline.state()["position"] > before["position"]
            assert pipeline.file.stat().st_size == posted
            backend.kill()  # What it held goes back: all of it, since nothing was acknowledged.
            await pipeline.until_async(lambda: ready_in_rabbitmq(pipeline), 20)
        backend.restart()
        await all_is_well(pipeline, cars)


def replica_figures(pipeline: Pipeline) -> tuple[int, int]:
    """Return how many replicas follow, as the backend says, and how often it waited for a second or longer."""
    lines = [line for line in pipeline.metrics().splitlines() if line.startswith("parking_replicas_")]
    following, every, short = (
        int(float(next(line for line in lines if part in line).split()[-1]))
        for part in ("in_step", "wait_seconds_count", 'le="1.0"')
    )
    return following, every - short


async def test_a_replica_is_waited_for_as_long_as_it_follows(pipeline: Pipeline, redis):
    """Though another one has it: the Sentinels may promote either."""

    def left_behind() -> bool:
        following, waits = replica_figures(pipeline)
        return following == 1 or waits > before

    async with Cars(pipeline.rabbitmq_url) as cars:
        async with driving(cars):
            await lines_grow(pipeline)
            await pipeline.until(lambda: replica_figures(pipeline)[0] == len(redis.replicas()))
            _, before = replica_figures(pipeline)
            with Frozen(redis.replicas()[1]):
                await pipeline.until(left_behind)
                assert replica_figures(pipeline)[1] > before
                await lines_grow(pipeline)
        await all_is_well(pipeline, cars)


@pytest.mark.parametrize("fault", [Killed, Frozen])
async def test_a_primary_that_is_lost_takes_nothing_with_it(
    fault: type[Fault], pipeline: Pipeline, redis, cameras: list[ServiceProcess], url_beside: str
):
    async with Cars(pipeline.rabbitmq_url) as cars, driving(cars, pause_seconds=PAUSE):
        await lines_grow(pipeline)
        old = redis.primary()
        lost = Killed(old, old.start) if fault is Killed else Frozen(old)
        await asyncio.to_thread(lost.inject)
        await pipeline.until(lambda: redis.primary() is not old)
        await lines_grow(pipeline)
        await publish_more(cameras)
        await asyncio.to_thread(lost.heal)  # It wakes as the primary that it was, and is told otherwise.
        await pipeline.until(redis.in_step)
        await lines_grow(pipeline)
    await account_is_exact(cameras, url_beside)
    await all_is_well(pipeline, cars)
