"""The first version anybody would write: per event one Redis round trip, per exit one POST, then the ack.

It keeps no log, and an exit that overtakes its entry is called entry_missed for good. Traced, it is FastStream's own
telemetry middleware beside the SDK's batch processor.
"""

import asyncio
import os
from datetime import datetime

import aiohttp
import msgspec
import redis.asyncio
import uvloop
from faststream import AckPolicy, FastStream
from faststream.rabbit import Channel, RabbitBroker, RabbitExchange, RabbitQueue
from faststream.rabbit.schemas import ExchangeType
from opentelemetry.sdk.trace import TracerProvider
from parkstream_events import topology
from parkstream_events.sightings import VehicleEntered, VehicleExited

from benchmarks.baselines.lines import line

EVENTS = RabbitExchange(topology.EVENTS_EXCHANGE, type=ExchangeType.TOPIC, durable=True, declare=False)
ENTERED, EXITED = msgspec.json.Decoder(VehicleEntered), msgspec.json.Decoder(VehicleExited)
CHANNEL = Channel(prefetch_count=500)


def _queue(name: str) -> RabbitQueue:
    return RabbitQueue(name, durable=True, declare=False)


def create_app(rabbitmq_url: str, redis_url: str, summary_url: str, provider: TracerProvider | None) -> FastStream:
    """Return the naive consumer."""
    middlewares: tuple[object, ...] = ()
    if provider is not None:
        from faststream.rabbit.opentelemetry import RabbitTelemetryMiddleware  # noqa: PLC0415 - only when traced

        middlewares = (RabbitTelemetryMiddleware(tracer_provider=provider),)
    broker = RabbitBroker(rabbitmq_url, logger=None, middlewares=middlewares)  # type: ignore[arg-type]
    store = redis.asyncio.Redis.from_url(f"{redis_url}/0")
    http: list[aiohttp.ClientSession] = []

    @broker.subscriber(
        _queue(topology.ENTRIES_QUEUE), EVENTS, channel=CHANNEL, ack_policy=AckPolicy.NACK_ON_ERROR, decoder=_raw
    )
    async def on_entry(body: bytes) -> None:
        entered = ENTERED.decode(body)
        await store.hset("naive", entered.vehicle_plate, f"{entered.id} {entered.entry_date_time.isoformat()}")

    @broker.subscriber(
        _queue(topology.EXITS_QUEUE), EVENTS, channel=CHANNEL, ack_policy=AckPolicy.NACK_ON_ERROR, decoder=_raw
    )
    async def on_exit(body: bytes) -> None:
        exited = EXITED.decode(body)
        found = await store.hget("naive", exited.vehicle_plate)
        item = line(exited, _entry_of(found), None, 0)
        async with http[0].post(f"{summary_url}/v1/summaries", data=item, headers=_JSON) as answer:
            answer.raise_for_status()

    app = FastStream(broker, logger=None)

    @app.on_startup
    async def connect() -> None:
        http.append(aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=64)))

    @app.after_shutdown
    async def disconnect() -> None:
        await http[0].close()
        await store.aclose()

    return app


def _entry_of(found: bytes | None) -> tuple[str, datetime] | None:
    if found is None:
        return None
    id_, at = found.decode().split(" ")
    return id_, datetime.fromisoformat(at)


_JSON = {"content-type": "application/json"}


async def _raw(message: object) -> bytes:
    return message.body  # type: ignore[attr-defined,no-any-return]


def main() -> None:
    """Run until terminated."""
    provider = None
    if "OTEL_EXPORTER_OTLP_ENDPOINT" in os.environ:
        from benchmarks.baselines.spans import provider_of  # noqa: PLC0415 - only when traced

        provider = provider_of("naive")
    app = create_app(os.environ["RABBITMQ_URL"], os.environ["REDIS_URL"], os.environ["SUMMARY_URL"], provider)
    uvloop.run(_run(app))
    if provider is not None:
        provider.shutdown()


async def _run(app: FastStream) -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(app.run())


if __name__ == "__main__":
    main()
