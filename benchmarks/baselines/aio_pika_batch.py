"""The fastest we could write by hand with our durability: aio-pika in batches, one Lua call per batch, batched POSTs.

``record`` (one process per queue) takes what arrived while the call before was in flight, appends it to a Redis stream
with a duplicate check, and acknowledges the range. ``project`` (one process) reads the stream, pairs entries and exits
in one Lua call that also moves its checkpoint and fills an outbox, and posts that in batches of 100. There are no
refusals, no holding, no revisions, no state hash: an exit that overtakes its entry is called entry_missed for good.
"""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

import aio_pika
import aiohttp
import msgspec
import uvloop
from aio_pika.abc import AbstractIncomingMessage
from opentelemetry import propagate, trace
from parkstream_events import topology
from parkstream_events.sightings import VehicleEntered, VehicleExited
from parkstream_service.redis import connect

from benchmarks.baselines.lines import line
from benchmarks.baselines.spans import provider_of

APPEND = """
for i = 1, #ARGV, 4 do
  if redis.call('HSETNX', KEYS[2], ARGV[i], 1) == 1 then
    redis.call('XADD', KEYS[1], '*', 'k', ARGV[i + 1], 'b', ARGV[i + 2], 't', ARGV[i + 3])
  end
end
"""
PROJECT = """
if (redis.call('GET', KEYS[2]) or '0-0') ~= ARGV[1] then return redis.error_reply('STALE') end
redis.call('SET', KEYS[2], ARGV[2])
for i = 3, #ARGV, 4 do
  if ARGV[i] == 'entered' then redis.call('HSET', KEYS[1], ARGV[i + 1], ARGV[i + 2])
  else
    local entry = redis.call('HGET', KEYS[1], ARGV[i + 1])
    if entry then redis.call('HDEL', KEYS[1], ARGV[i + 1]) end
    redis.call('XADD', KEYS[3], '*', 'e', entry or '', 'b', ARGV[i + 2], 't', ARGV[i + 3])
  end
end
"""
BATCH_MAX, POST_MAX = 500, 100
ENTERED, EXITED = msgspec.json.Decoder(VehicleEntered), msgspec.json.Decoder(VehicleExited)
ENTERED_TYPE = "vehicle.entered.v1"


class Store:
    """Redis, with commands packed by hiredis and answers left as they come."""

    def __init__(self) -> None:
        client: Any = connect(os.environ["REDIS_URL"], 0)
        client.response_callbacks.clear()
        self.execute: Callable[..., Awaitable[Any]] = client.execute_command

    async def load(self, script: str) -> str:
        """Return the SHA under which *script* is called."""
        sha: bytes = await self.execute("SCRIPT", "LOAD", script)
        return sha.decode()


class Recorder:
    """Appends what arrived, batch by batch."""

    def __init__(self, store: Store, append: str, tracer: trace.Tracer | None) -> None:
        self._store = store
        self._append = append
        self._tracer = tracer
        self._waiting: list[AbstractIncomingMessage] = []
        self._work: asyncio.Task[None] | None = None

    async def take(self, message: AbstractIncomingMessage) -> None:
        """Take one delivery."""
        self._waiting.append(message)
        if self._work is None or self._work.done():
            self._work = asyncio.create_task(self._work_off())

    async def _work_off(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[:BATCH_MAX], self._waiting[BATCH_MAX:]
            arguments: list[Any] = []
            for message in batch:
                (ENTERED if message.type == ENTERED_TYPE else EXITED).decode(message.body)
                arguments += (message.message_id, message.type, message.body, self._traced(message))
            await self._store.execute("EVALSHA", self._append, 2, "log", "ids", *arguments)
            await batch[-1].channel.basic_ack(batch[-1].delivery_tag, multiple=True, wait=False)

    def _traced(self, message: AbstractIncomingMessage) -> str:
        if self._tracer is None:
            return ""
        context = propagate.extract({key: str(value) for key, value in message.headers.items()})
        carrier: dict[str, str] = {}
        with self._tracer.start_as_current_span("process", context, kind=trace.SpanKind.CONSUMER):
            propagate.inject(carrier)
        return carrier["traceparent"]


async def record(tracer: trace.Tracer | None, queue_name: str) -> None:
    """Consume one queue for ever."""
    store = Store()
    recorder = Recorder(store, await store.load(APPEND), tracer)
    connection = await aio_pika.connect_robust(os.environ["RABBITMQ_URL"])
    channel = await connection.channel()
    await channel.set_qos(prefetch_count=2 * BATCH_MAX)
    queue = await channel.get_queue(queue_name)
    await queue.consume(recorder.take)
    await asyncio.Future()


async def project(tracer: trace.Tracer | None) -> None:
    """Pair and post for ever."""
    store = Store()
    apply = await store.load(PROJECT)
    posting = asyncio.create_task(deliver(Store(), tracer))
    at = (await store.execute("GET", "checkpoint") or b"0-0").decode()
    while not posting.done():
        found = await store.execute("XREAD", "COUNT", BATCH_MAX, "BLOCK", 1_000, "STREAMS", "log", at)
        if not found:
            continue
        arguments: list[Any] = []
        for _, (_, kind, _, body, _, traceparent) in found[0][1]:
            if kind == ENTERED_TYPE.encode():
                entered = ENTERED.decode(body)
                entry = f"{entered.id} {entered.entry_date_time.isoformat()}"
                arguments += ("entered", entered.vehicle_plate, entry, "")
            else:
                arguments += ("exited", EXITED.decode(body).vehicle_plate, body, traceparent)
        last = found[0][1][-1][0].decode()
        await store.execute("EVALSHA", apply, 3, "inside", "checkpoint", "outbox", at, last, *arguments)
        at = last
    await posting


async def deliver(store: Store, tracer: trace.Tracer | None) -> None:
    """Post what the outbox holds, in batches, and delete it when the answer came."""
    url = f"{os.environ['SUMMARY_URL']}/v1/summaries"
    async with aiohttp.ClientSession() as http:
        while True:
            found = await store.execute("XREAD", "COUNT", POST_MAX, "BLOCK", 1_000, "STREAMS", "outbox", "0-0")
            if not found:
                continue
            items = [_item(fields, tracer) for _, fields in found[0][1]]
            async with http.post(url, data=b"[" + b",".join(items) + b"]", headers=_JSON) as answer:
                answer.raise_for_status()
            await store.execute("XDEL", "outbox", *[id_ for id_, _ in found[0][1]])


_JSON = {"content-type": "application/json"}


def _item(fields: list[bytes], tracer: trace.Tracer | None) -> bytes:
    _, entered, _, body, _, published = fields
    exited = EXITED.decode(body)
    entry = None
    if entered:
        id_, at = entered.decode().split(" ")
        entry = id_, datetime.fromisoformat(at)
    traceparent = None
    if tracer is not None:
        carrier: dict[str, str] = {}
        context = propagate.extract({"traceparent": published.decode()})
        with tracer.start_as_current_span("deliver", context, kind=trace.SpanKind.CLIENT):
            propagate.inject(carrier)
        traceparent = carrier["traceparent"]
    return line(exited, entry, traceparent, 0)


def main() -> None:
    """Run the role that the first argument names: a queue, or ``project``."""
    role = sys.argv[1]
    provider = provider_of("aio-pika") if "OTEL_EXPORTER_OTLP_ENDPOINT" in os.environ else None
    tracer = provider.get_tracer("baseline") if provider is not None else None
    uvloop.run(project(tracer) if role == "project" else record(tracer, role))


if __name__ == "__main__":
    assert sys.argv[1] in {topology.ENTRIES_QUEUE, topology.EXITS_QUEUE, "project"}
    main()
