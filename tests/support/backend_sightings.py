"""Sightings as cameras publish them, and messages that no camera should."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import aio_pika
from aio_pika.abc import AbstractExchange
from parkstream_events import topology, wire

BEGIN = (datetime.now(UTC) - timedelta(days=1)).replace(minute=0, second=0, microsecond=0)
"""Not so long ago that it were final."""


def entry(id_: str, plate: str, at: datetime, **more: Any) -> bytes:
    return json.dumps({"id": id_, "vehicle_plate": plate, "entry_date_time": at.isoformat(), **more}).encode()


def exit_(id_: str, plate: str, at: datetime, **more: Any) -> bytes:
    return json.dumps({"id": id_, "vehicle_plate": plate, "exit_date_time": at.isoformat(), **more}).encode()


def now() -> datetime:
    return datetime.now(UTC)


async def publish(exchange: AbstractExchange, key: str, body: bytes, **properties: Any) -> None:
    """Publish one event, confirmed and mandatory."""
    headers = {topology.PUBLISHED_AT_HEADER: int(now().timestamp() * 1_000_000), **properties.pop("headers", {})}
    type_ = {topology.ENTERED_KEY: wire.ENTERED, topology.EXITED_KEY: wire.EXITED}[key]
    message = aio_pika.Message(
        body, headers=headers, delivery_mode=aio_pika.DeliveryMode.PERSISTENT, **{"type": type_, **properties}
    )
    await exchange.publish(message, key, mandatory=True)


async def publish_entry(exchange: AbstractExchange, body: bytes, **properties: Any) -> None:
    await publish(exchange, topology.ENTERED_KEY, body, **properties)


async def publish_exit(exchange: AbstractExchange, body: bytes, **properties: Any) -> None:
    await publish(exchange, topology.EXITED_KEY, body, **properties)


def poison(number: int) -> list[tuple[str, bytes, dict[str, Any]]]:
    """Return, per kind of message that becomes a dead letter: reason, body and properties, for the entries queue."""
    good, id_ = entry(f"poison-{number}", "P0", now()), f"poison-{number}"
    return [
        ("not_json", b"", {}),
        ("not_json", b"{", {}),
        ("not_json", b"\xff\xfe\x00", {}),
        ("not_json", entry(id_, "P0", now())[:-1] + b',"deep":' + b"[" * 5_000 + b"]" * 5_000 + b"}", {}),
        ("invalid_field", b"[]", {}),
        ("invalid_field", b'{"id":"x"}', {}),
        ("invalid_field", entry(id_, "", now()), {}),
        ("invalid_field", entry(id_, "###", now()), {}),
        ("invalid_field", entry("", "P0", now()), {}),
        ("invalid_field", entry("line\nbreak", "P0", now()), {}),
        ("invalid_field", entry(id_, "P0", now().replace(tzinfo=None)), {}),
        ("invalid_field", good.replace(b"+00:00", b"+99:00"), {}),
        ("invalid_field", exit_(id_, "P0", now()), {}),
        ("invalid_field", b'{"id":"x","vehicle_plate":"P0","entry_date_time":"9999-12-31T23:59:59-05:00"}', {}),
        ("invalid_field", b'{"id":"x","vehicle_plate":"P0","entry_date_time":"0001-01-01T00:00:00+05:00"}', {}),
        ("too_large", entry(id_, "P0", now(), note="x" * 70_000), {}),
        ("unknown_type", good, {"type": "vehicle.entered.v99"}),
        ("unknown_type", good, {"type": "vehicle.flew.v1"}),
        ("unknown_type", exit_(id_, "P0", now()), {"type": wire.EXITED}),
        ("unknown_type", b'{"position":1,"reason":"x"}', {"type": wire.RECORD_ACKNOWLEDGED}),
        ("too_old", entry(id_, "P0", now() - timedelta(days=60)), {}),
        ("in_future", entry(id_, "P0", now() + timedelta(hours=2)), {}),
        ("in_future", b'{"id":"x","vehicle_plate":"P0","entry_date_time":"9999-12-31T23:59:59Z"}', {}),
        ("too_old", b'{"id":"x","vehicle_plate":"P0","entry_date_time":"0001-01-01T00:00:00Z"}', {}),
    ]
