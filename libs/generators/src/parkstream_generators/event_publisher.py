"""The decorated publisher: one event as RabbitMQ gets it."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from aio_pika import Message
from faststream.rabbit import RabbitBroker
from parkstream_events.topology import (
    GATE_HEADER,
    LINKED_TRACEPARENT_HEADER,
    PASSED_AT_HEADER,
    PUBLISHED_AT_HEADER,
)
from parkstream_messaging.sighting_message import sighting_message
from parkstream_messaging.topology import EVENTS_THERE

from parkstream_generators.intents import Intent

if TYPE_CHECKING:
    from aio_pika.abc import HeadersType

Send = Callable[[Intent], Awaitable[None]]
TIMEOUT_SECONDS = 5.0


def event_publisher(broker: RabbitBroker, key: str, type_: str, description: str) -> Send:
    """Return a function that publishes an intent with *key* and returns when RabbitMQ has confirmed it.

    It raises when no queue takes the message, when RabbitMQ refuses it, and when it does not answer for 5 s.
    """
    publisher = broker.publisher(
        exchange=EVENTS_THERE, routing_key=key, mandatory=True, title=key, description=description, schema=bytes
    )

    @publisher
    def sighting(intent: Intent) -> Message:
        """Return the assignment's JSON with what travels beside it."""
        return sighting_message(intent.id, type_, intent.body.encode(), headers_of(intent, time.time_ns() // 1000))

    async def send(intent: Intent) -> None:
        async with asyncio.timeout(TIMEOUT_SECONDS):
            await publisher.publish(sighting(intent), correlation_id=intent.id)

    return send


def headers_of(intent: Intent, now_us: int) -> "HeadersType":
    """Return what travels beside the body."""
    headers: HeadersType = {PUBLISHED_AT_HEADER: intent.published_at_us or now_us}
    if intent.gate:
        headers[GATE_HEADER] = intent.gate
    if intent.passed_at_us is not None:
        headers[PASSED_AT_HEADER] = intent.passed_at_us
    if intent.linked_traceparent:
        headers[LINKED_TRACEPARENT_HEADER] = intent.linked_traceparent
    return headers
