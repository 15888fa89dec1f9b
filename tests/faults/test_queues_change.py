"""Queues, bindings and exchanges that somebody deletes or declares otherwise while only a backend is up."""

import asyncio
import json
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, NamedTuple
from urllib.error import HTTPError

import pytest
from parkstream_devtools import RabbitServer, failing, is_ready
from parkstream_events import topology
from pipeline import ALL_ROLES, EACH_ALONE, Pipeline
from pipeline_traffic import Cars

ENTRIES, EXITS, DEAD = topology.ENTRIES_QUEUE, topology.EXITS_QUEUE, topology.DEAD_LETTERS_QUEUE
EVENTS = topology.EVENTS_EXCHANGE
CLASSIC = {"durable": True, "auto_delete": False, "arguments": {}}


class Mall(NamedTuple):
    """A pipeline, and the management interface of its RabbitMQ."""

    pipeline: Pipeline
    rabbitmq: RabbitServer
    vhost: str

    def ask(self, method: str, kind: str, rest: str, body: object = None) -> Any:
        answer = self.rabbitmq.management.request(method, f"/{kind}/{self.vhost}/{rest}", body)
        return json.loads(answer) if answer else None

    def is_consumed(self, queue: str) -> bool:
        """Whether *queue* is there as it must be, bound, and has its consumer."""
        try:
            found = self.ask("GET", "queues", queue)
            bindings = self.ask("GET", "queues", f"{queue}/bindings")
        except HTTPError:
            return False
        keys = {one["routing_key"] for one in bindings if one["source"] == EVENTS}
        return (
            found["arguments"].get("x-queue-type") == "quorum"
            and topology.WORK_QUEUES[queue] in keys
            and found.get("consumers") == 1
        )

    def occupy(self, queue: str) -> None:
        """Declare *queue* with other arguments, in place of the one that is there."""
        while True:
            try:
                self.ask("PUT", "queues", queue, CLASSIC)
            except HTTPError as error:
                if error.code != HTTPStatus.BAD_REQUEST:  # Not that it is there with ours: a backend may be quick.
                    raise
                self.ask("DELETE", "queues", queue)
            else:
                return

    async def works_again(self) -> None:
        """Both queues are consumed, and what comes is recorded and delivered."""
        await self.pipeline.until(lambda: self.is_consumed(ENTRIES) and self.is_consumed(EXITS), 120)
        await self.pipeline.until(lambda: all(is_ready(one.url) for one in self.pipeline.backends), 120)
        async with Cars(self.pipeline.rabbitmq_url) as cars:
            await cars.drive(20)
            await self.pipeline.balances(cars.traffic)
        assert all(backend.alive for backend in self.pipeline.backends)

    async def says(self, text: str) -> None:
        await self.pipeline.until(lambda: text in failing(self.pipeline.backends[0].url).get("rabbitmq", ""), 120)


@pytest.fixture
def mall_(run_service, redis_url, rabbitmq_server, mall, tmp_path) -> Mall:
    url = rabbitmq_server.add_vhost(mall)
    made = Mall(Pipeline(run_service, redis_url, url, mall, tmp_path), rabbitmq_server, mall)
    made.pipeline.start_api()
    return made


@pytest.mark.parametrize(
    ("roles", "queues"), [(ALL_ROLES, (ENTRIES,)), (EACH_ALONE, (EXITS,)), (EACH_ALONE, (ENTRIES, EXITS, DEAD))]
)
async def test_queues_that_are_deleted_are_declared_and_consumed_again(
    mall_: Mall, roles: Sequence[str], queues: Sequence[str]
):
    await asyncio.to_thread(mall_.pipeline.start_backends, roles)
    for queue in queues:
        mall_.ask("DELETE", "queues", queue)
    await mall_.works_again()


async def test_queues_that_are_deleted_before_a_start_are_declared_by_it(mall_: Mall):
    await asyncio.to_thread(mall_.pipeline.start_backends, EACH_ALONE)
    for backend in mall_.pipeline.backends:
        backend.kill()
    for queue in (ENTRIES, EXITS, DEAD):
        mall_.ask("DELETE", "queues", queue)
    for backend in mall_.pipeline.backends:
        backend.restart()
    await mall_.works_again()


async def test_exchanges_that_are_deleted_are_declared_and_bound_again(mall_: Mall):
    await asyncio.to_thread(mall_.pipeline.start_backend)
    for exchange in (EVENTS, topology.DEAD_LETTERS_EXCHANGE):
        mall_.ask("DELETE", "exchanges", exchange)
    await mall_.works_again()


async def test_a_binding_that_is_deleted_is_made_again(mall_: Mall):
    await asyncio.to_thread(mall_.pipeline.start_backend)
    mall_.rabbitmq.management.request(
        "DELETE", f"/bindings/{mall_.vhost}/e/{EVENTS}/q/{ENTRIES}/{topology.ENTERED_KEY}"
    )
    await mall_.works_again()


@pytest.mark.parametrize("queue", [ENTRIES, EXITS])
@pytest.mark.parametrize("running", [True, False])
async def test_a_queue_of_other_arguments_is_named_until_it_is_ours_again(mall_: Mall, queue: str, running: bool):
    """Running with all roles, starting with each alone."""
    if running:
        await asyncio.to_thread(mall_.pipeline.start_backend)
    mall_.occupy(queue)
    if not running:
        await asyncio.to_thread(mall_.pipeline.start_backends, EACH_ALONE, ready=False)
    await mall_.says(f"{queue} exists with other arguments")
    mall_.ask("DELETE", "queues", queue)
    await mall_.works_again()
