"""What is refused leaves the work queue for ``parking.dead-letters``: unchanged, with the reason beside it.

Published and confirmed before the original is acknowledged. (``basic.reject`` can carry no reason.)
"""

import asyncio
from collections.abc import Mapping
from typing import Any, Final

from aio_pika import DeliveryMode, Message
from aio_pika.exceptions import CONNECTION_EXCEPTIONS
from faststream.rabbit import RabbitBroker
from pamqp import encode
from parkstream_events import topology
from parkstream_events.wire import UnreadableError
from parkstream_messaging import DEAD_LETTERS, DEAD_LETTERS_EXCHANGE
from parkstream_messaging.batch_subscriber import Delivery
from parkstream_service.retry import retried
from parkstream_telemetry import Span, Telemetry, names

CONFIRM_TIMEOUT_SECONDS: Final = 10.0
DETAIL_LENGTH_MAX: Final = 500
HEADERS_BYTES_MAX: Final = 64 * 1024
"""The headers of a message must fit in one frame, ours included."""
ROUTING_HEADERS: Final = {"CC", "BCC"}
"""RabbitMQ would route by them once more."""


class DeadLetters:
    """Publishes refused messages through *broker*, again and again until RabbitMQ has confirmed each."""

    def __init__(self, broker: RabbitBroker, telemetry: Telemetry) -> None:
        self._broker = broker
        self._telemetry = telemetry

    async def publish(self, delivery: Delivery, queue: str, refusal: UnreadableError, span: Span) -> None:
        """Return when *delivery* from *queue*, processed as *span*, is safe among the dead letters."""
        letter = letter_of(delivery, queue, refusal)
        await retried(
            lambda: self._publish(letter), when=_passes, on_retry=self._waiting, first_seconds=0.1, most_seconds=5.0
        )
        self._telemetry.add(names.DEAD_LETTERS, reason=refusal.reason.value)
        self._telemetry.log(
            names.EVENT_DEAD_LETTERED,
            span=span,
            reason=refusal.reason.value,
            detail=refusal.detail,
            queue=queue,
        )

    async def _publish(self, letter: Message) -> None:
        async with asyncio.timeout(CONFIRM_TIMEOUT_SECONDS):
            await self._broker.publish(
                letter, exchange=DEAD_LETTERS_EXCHANGE, routing_key=DEAD_LETTERS.routing_key, mandatory=True
            )

    def _waiting(self, error: Exception) -> None:
        self._telemetry.log(names.EVENT_WAITING, dependency="rabbitmq", detail=f"{type(error).__name__}: {error}")


def _passes(error: Exception) -> bool:
    return isinstance(error, (*CONNECTION_EXCEPTIONS, TimeoutError))


def letter_of(delivery: Delivery, queue: str, refusal: UnreadableError) -> Message:
    """Return the message of *delivery* as it came, with the reason of its *refusal* in its headers.

    It never expires, and is not published in another user's name; RabbitMQ would refuse the latter.
    """
    properties = delivery.properties
    return Message(
        delivery.body,
        headers={
            **_kept(delivery.headers),
            topology.REASON_HEADER: refusal.reason.value,
            topology.DETAIL_HEADER: refusal.detail[:DETAIL_LENGTH_MAX],
            topology.ORIGINAL_QUEUE_HEADER: queue,
        },
        content_type=properties.content_type,
        content_encoding=properties.content_encoding,
        delivery_mode=DeliveryMode.PERSISTENT,
        priority=properties.priority,
        correlation_id=properties.correlation_id,
        reply_to=properties.reply_to,
        message_id=properties.message_id,
        timestamp=properties.timestamp,
        type=properties.message_type,
        app_id=properties.app_id,
    )


def _kept(headers: Mapping[str, Any]) -> dict[str, Any]:
    """Return the headers that can be published again: those that can be encoded, or none when they are too large."""
    kept = {name: value for name, value in headers.items() if name not in ROUTING_HEADERS and _can_be_encoded(value)}
    return kept if len(encode.field_table(kept)) <= HEADERS_BYTES_MAX else {}


def _can_be_encoded(value: Any) -> bool:  # noqa: ANN401 - whatever AMQP can hold
    try:
        encode.field_table({"": value})
    except (TypeError, ValueError):
        return False
    return True
