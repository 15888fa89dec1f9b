"""Nodes of a RabbitMQ cluster die, stand still and come back while cars come and go: the account balances each time.

Nothing is taken for missing that only a dead node had: nobody is silent whose messages are under way.
"""

import asyncio
import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from http import HTTPStatus
from typing import Any
from urllib.error import HTTPError

import aio_pika
import pytest
from backend_sightings import entry, now, publish_entry
from generator_client import account, finished, reached
from parkstream_backend.project.queue_drains import QueueDrains
from parkstream_backend.record.consumer_reports import Report
from parkstream_backend.record.queue_depths import QueueDepth, QueueDepths
from parkstream_cli.doctor import rabbitmq as doctor
from parkstream_devtools import RabbitCluster, RabbitServer, ServiceProcess, failing
from parkstream_devtools.faults import Frozen
from parkstream_events import topology
from parkstream_events.sightings import Direction
from parkstream_messaging.connection import make_broker
from parkstream_messaging.nodes import Nodes
from parkstream_messaging.topology import declare
from parkstream_operations.findings import Level
from pipeline import Pipeline, get
from pipeline_traffic import Cars, driving

pytestmark = pytest.mark.timeout(1_200)
PATIENT = {"PARKSTREAM_HOLD_MAX_SECONDS": "600"}
"""Nobody decides by the clock alone what a dead node keeps."""
GOES_ON = 200
"""How many more records show that recording goes on."""


@pytest.fixture(scope="module")
def cluster(sandbox) -> Iterator[RabbitCluster]:
    cluster = sandbox.rabbitmq_cluster()
    yield cluster
    cluster.close()


@pytest.fixture
def vhost(cluster: RabbitCluster, mall: str) -> str:
    """The address of a vhost of a cluster that is whole."""
    cluster.start()
    return cluster.add_vhost(mall)


@pytest.fixture
def pipeline(run_service, redis_url, vhost, mall, tmp_path) -> Pipeline:
    pipeline = Pipeline(run_service, redis_url, vhost, mall, tmp_path)
    pipeline.environ |= PATIENT
    pipeline.start()
    return pipeline


def node_of(cluster: RabbitCluster, service: ServiceProcess) -> RabbitServer:
    """Return the node that *service* says it is connected to."""
    lines = [json.loads(line) for line in service.output.read_text().splitlines() if line.startswith("{")]
    named = [line["node"] for line in lines if line.get("event") == "rabbitmq.connected"]
    return cluster.at(int(named[-1].rpartition(":")[2]))


def used(cluster: RabbitCluster, pipeline: Pipeline, mall: str) -> list[RabbitServer]:
    """Return the node that the backend takes deliveries from."""
    return [node_of(cluster, pipeline.backends[0])]


def leading(cluster: RabbitCluster, pipeline: Pipeline, mall: str) -> list[RabbitServer]:
    """Return the node that leads the entries' queue."""
    return [cluster.leader(mall, topology.ENTRIES_QUEUE)]


def following(cluster: RabbitCluster, pipeline: Pipeline, mall: str) -> list[RabbitServer]:
    """Return a node that does neither."""
    busy = [*used(cluster, pipeline, mall), *leading(cluster, pipeline, mall)]
    return [next(node for node in cluster.nodes if node not in busy)]


def passing(pipeline: Pipeline) -> Cars:
    """Cars that cameras report as they pass, so that both directions are waited for."""
    return Cars(pipeline.rabbitmq_url, stay=timedelta(milliseconds=1))


def wrongly_missed(pipeline: Pipeline, cars: Cars) -> list[dict[str, Any]]:
    """Return the revisions that lack an entry that was published."""
    missed = [line for line in pipeline.lines() if line["outcome"] == "entry_missed"]
    return [line for line in missed if line["vehicle_plate"] in cars.traffic.entry_of]


def away(pipeline: Pipeline) -> str:
    """Return which nodes are away, as the backend says while it is ready; nothing while it is not."""
    try:
        checks = get(f"{pipeline.backends[0].url}/health/ready")["checks"]
    except HTTPError:
        return ""
    return str(checks["rabbitmq_nodes"].get("detail", ""))


def position(pipeline: Pipeline) -> int:
    return int(pipeline.state()["position"])


async def goes_on(pipeline: Pipeline) -> None:
    """Return when recording goes on."""
    before = await asyncio.to_thread(position, pipeline)
    await pipeline.until(lambda: position(pipeline) >= before + GOES_ON, 300)


async def reconciled(pipeline: Pipeline, cars: Cars) -> None:
    """Return when all that was published is on disk, and nothing had to be corrected."""
    await pipeline.balances(cars.traffic)
    assert not wrongly_missed(pipeline, cars)


async def test_doctor_names_the_nodes_that_are_away_and_the_queues_with_too_few_members(
    cluster: RabbitCluster, vhost: str, mall: str
):
    async with await Nodes(vhost).connect() as connection, connection.channel() as channel:
        for name, arguments in {
            topology.ENTRIES_QUEUE: topology.WORK_QUEUE_ARGUMENTS | {"x-quorum-initial-group-size": 1},
            topology.EXITS_QUEUE: topology.WORK_QUEUE_ARGUMENTS,
            topology.MARK_QUEUE: topology.MARK_QUEUE_ARGUMENTS | {"x-initial-cluster-size": 1},
        }.items():
            await channel.declare_queue(name, durable=True, arguments=arguments)
    management = cluster.nodes[0].management_url.removesuffix("/api").replace("://", "://guest:guest@")

    async def found() -> dict[str, tuple[Level, str]]:
        findings = await doctor.examine(vhost, management)
        return {one.about: (one.level, one.advice) for one in findings}

    async def until(condition: Callable[[dict[str, tuple[Level, str]]], bool]) -> dict[str, tuple[Level, str]]:
        async with asyncio.timeout(300):
            while not condition(now := await found()):
                await asyncio.sleep(0.5)
        return now

    lonely = [f"members of {name}" for name in (topology.ENTRIES_QUEUE, topology.MARK_QUEUE)]
    before = await until(lambda now: now.keys() >= {*lonely, f"members of {topology.EXITS_QUEUE}"})
    assert before["RabbitMQ nodes"][0] is Level.OK
    assert before[f"members of {topology.EXITS_QUEUE}"][0] is Level.OK
    for about in lonely:
        level, advice = before[about]
        assert level is Level.WRONG
        for command in advice.split("; "):
            cluster.run(*command.split())
    await until(lambda now: all(now[about][0] is Level.OK for about in lonely))
    cluster.nodes[2].kill()
    alone = await until(lambda now: now["RabbitMQ nodes"][0] is Level.WRONG)
    assert "start them" in alone["RabbitMQ nodes"][1]


def test_a_vhost_is_made_while_a_node_does_not_start_it_yet(cluster: RabbitCluster, mall: str, monkeypatch):
    """As when nodes come back: RabbitMQ answers 500, and leaves a vhost that stands still on that node."""
    cluster.start()
    late, management = cluster.nodes[2], cluster.nodes[0].management
    late.control("eval", "supervisor:terminate_child(rabbit_sup, rabbit_vhost_sup_sup).")
    ask, refused = management.request, []

    def request(*words) -> bytes:
        try:
            return ask(*words)
        except HTTPError as error:
            refused.append(error.code)
            late.control("eval", "supervisor:restart_child(rabbit_sup, rabbit_vhost_sup_sup).")
            raise

    monkeypatch.setattr(management, "request", request)
    cluster.add_vhost(mall)
    assert refused[0] == HTTPStatus.INTERNAL_SERVER_ERROR
    state = json.loads(ask("GET", f"/vhosts/{mall}"))["cluster_state"]
    assert state == {node.node: "running" for node in cluster.nodes}
    late.kill()  # No other vhost runs on it until it is started again.


async def test_one_node_after_the_other_dies_and_comes_back(pipeline: Pipeline, cluster: RabbitCluster, mall: str):
    async with passing(pipeline) as cars:
        for choose in (used, leading, following):
            async with driving(cars):
                await goes_on(pipeline)
                (dead,) = choose(cluster, pipeline, mall)
                dead.kill()
                await goes_on(pipeline)
                await pipeline.until(lambda one=dead: f":{one.port}" in away(pipeline))
                assert node_of(cluster, pipeline.backends[0]).alive
                await asyncio.to_thread(cluster.start)
            await reconciled(pipeline, cars)


async def test_a_node_that_stands_still_with_what_it_was_to_deliver(
    pipeline: Pipeline, cluster: RabbitCluster, mall: str
):
    async with passing(pipeline) as cars:
        async with driving(cars):
            await goes_on(pipeline)
            (silent,) = used(cluster, pipeline, mall)
            with Frozen(silent):
                await pipeline.until(lambda: node_of(cluster, pipeline.backends[0]) is not silent, 300)
                await goes_on(pipeline)
            silent.kill()
            await asyncio.to_thread(cluster.start)
        # What the node was to deliver comes late, a prefetch at most: docs/guarantees.md.
        await pipeline.balances(cars.traffic)


async def test_two_of_three_die_and_everything_waits_for_one_then_all_die(
    pipeline: Pipeline, cluster: RabbitCluster, mall: str
):
    async with passing(pipeline) as cars:
        async with driving(cars):
            await goes_on(pipeline)
            (left,) = following(cluster, pipeline, mall)
            dead = [node for node in cluster.nodes if node is not left]
            for node in dead:
                node.kill()
            await pipeline.until(lambda: "rabbitmq" in failing(pipeline.backends[0].url))
            dead[0].launch()
            await goes_on(pipeline)
            await asyncio.to_thread(cluster.start)
        await reconciled(pipeline, cars)
        async with driving(cars):
            await goes_on(pipeline)
            cluster.kill()
            await asyncio.to_thread(cluster.start)
            await goes_on(pipeline)
        await reconciled(pipeline, cars)


async def test_generators_whose_node_dies_lose_nothing(pipeline: Pipeline, cluster: RabbitCluster, run_service):
    environ = pipeline.environ | {"PARKSTREAM_RATE": "100", "PARKSTREAM_DWELL_MEDIAN_SECONDS": "0.3"}
    exits = await asyncio.to_thread(run_service, "parkstream_exit_generator", environ)
    entries = await asyncio.to_thread(run_service, "parkstream_entry_generator", environ)
    await reached(exits, lambda one: one["matched"] > 50)
    node_of(cluster, entries).kill()
    for service, figure in ((entries, "published"), (exits, "matched")):
        here = account(service)[figure]
        await reached(service, lambda one, figure=figure, here=here: one[figure] > here + 100)
    await asyncio.to_thread(cluster.start)
    entered, left = await finished(entries), await finished(exits)
    assert (entered["dropped"], left["dropped"]) == (0, 0)

    def recorded() -> tuple[int, int, int, int]:
        state = pipeline.state()
        counters = state["counters"]
        return counters["entered"], counters["exited"], counters["completed"], state["pending"]

    wanted = (entered["published"], left["published"], left["matched"], 0)
    await pipeline.until(lambda: recorded() == wanted, 300)


class Everything:
    """A consumer that has recorded all there is: only the queue's depth says that something is left."""

    async def now_us(self) -> int:
        return 1

    async def of(self, _: str) -> list[Report]:
        return [Report(0, 10)]


async def test_a_queue_whose_leader_stands_still_is_not_taken_for_an_empty_one(
    cluster: RabbitCluster, vhost: str, mall: str
):
    """RabbitMQ says that it holds nothing, and that nobody consumes, though it holds a message and has a consumer."""
    broker = make_broker(vhost)
    await broker.start()
    await declare(broker)
    await broker.stop()
    (silent,) = leading_of(cluster, mall)
    others = ",".join(f"127.0.0.1:{node.port}" for node in cluster.nodes if node is not silent)
    url = f"amqp://guest:guest@{others}/{mall}"
    said: list[QueueDepth | None] = []
    depths = QueueDepths(url)

    async def depth(direction: Direction) -> QueueDepth | None:
        said.append(await depths(direction))
        return said[-1]

    async with await Nodes(url).connect() as connection:
        channel = await connection.channel(on_return_raises=True)
        await channel.set_qos(prefetch_count=1)
        await (await channel.get_queue(topology.ENTRIES_QUEUE)).consume(_keep)
        exchange = await channel.get_exchange(topology.EVENTS_EXCHANGE)
        for number in range(2):
            await publish_entry(exchange, entry(f"e{number}", f"CAR{number}", now()))
        drains = QueueDrains(depth, Everything())
        async with asyncio.timeout(300):
            while said[-1:] != [QueueDepth(1, 1)]:
                assert await drains(Direction.ENTRY) is None
        with Frozen(silent):
            async with asyncio.timeout(300):
                while QueueDepth(0, 0) not in said or said[-1] != QueueDepth(1, 1):
                    assert await drains(Direction.ENTRY) is None
    silent.kill()  # Who comes back from such a partition stays out of the cluster until it is started again.
    await depths.close()


async def _keep(_: aio_pika.abc.AbstractIncomingMessage) -> None:
    """Acknowledge nothing."""


def leading_of(cluster: RabbitCluster, mall: str) -> list[RabbitServer]:
    return [cluster.leader(mall, topology.ENTRIES_QUEUE)]
