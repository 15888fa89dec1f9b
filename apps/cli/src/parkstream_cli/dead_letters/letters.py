"""A dead letter: a message as it was refused, with the reason beside it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, Self

from aio_pika import DeliveryMode, Message
from aio_pika.abc import AbstractIncomingMessage
from msgspec import Raw, Struct
from parkstream_eventlog.log import digest_of
from parkstream_events import topology
from parkstream_events.sightings import moment_of

from parkstream_cli.bodies import as_value

ADDED: Final = {topology.REASON_HEADER, topology.DETAIL_HEADER, topology.ORIGINAL_QUEUE_HEADER}
"""By the backend, when it refused the message."""
ADDED_BY_RABBITMQ: Final = ("x-death", "x-first-death-", "x-last-death-", "x-delivery-count", "x-acquired-count")
ROUTING: Final = {"CC", "BCC"}
"""RabbitMQ would route by them once more."""


class Letter(Struct, frozen=True, kw_only=True):
    """A dead letter as it is shown; *id* is the message's, or made of the body when it has none."""

    id: str
    type: str | None
    reason: str
    detail: str
    queue: str | None
    """Where it came from."""
    published_at: datetime | None
    headers: dict[str, Any]
    body: Raw | str

    @classmethod
    def of(cls, message: AbstractIncomingMessage) -> Self:
        """Return *message* as it is shown."""
        headers = dict(message.headers)
        return cls(
            id=message.message_id or f"body:{digest_of(message.body).hex()}",
            type=message.type,
            reason=str(headers.get(topology.REASON_HEADER) or _death_of(headers, "reason") or "unknown"),
            detail=str(headers.get(topology.DETAIL_HEADER) or ""),
            queue=_queue_of(headers),
            published_at=_published_at(headers) or message.timestamp,
            headers=headers,
            body=as_value(message.body),
        )

    @property
    def routing_key(self) -> str | None:
        """The key by which it came to its queue, None when that is none of ours."""
        return topology.WORK_QUEUES.get(self.queue or "")


class Selection(Struct, frozen=True, kw_only=True):
    """Which letters are meant; what is empty does not matter."""

    ids: tuple[str, ...] = ()
    reason: str | None = None
    queue: str | None = None

    def selects(self, letter: Letter) -> bool:
        """Return whether *letter* is meant."""
        return (
            (not self.ids or letter.id in self.ids)
            and (self.reason is None or letter.reason == self.reason)
            and (self.queue is None or letter.queue == self.queue)
        )


def original(message: AbstractIncomingMessage) -> Message:
    """Return *message* as it was published: its body, properties and headers, without those that were added since."""
    return Message(
        message.body,
        headers={name: value for name, value in message.headers.items() if not _added(name)},
        content_type=message.content_type,
        content_encoding=message.content_encoding,
        delivery_mode=DeliveryMode.PERSISTENT,
        priority=message.priority,
        correlation_id=message.correlation_id,
        reply_to=message.reply_to,
        message_id=message.message_id,
        timestamp=message.timestamp,
        type=message.type,
        app_id=message.app_id,
    )


def can_be_published(message: Message) -> bool:
    """Return whether all properties and headers of *message* can be written as they were read."""
    try:
        message.properties.marshal()
    except (TypeError, ValueError):
        return False
    return True


def _added(name: str) -> bool:
    return name in ADDED or name in ROUTING or name.startswith(ADDED_BY_RABBITMQ)


def _queue_of(headers: Mapping[str, Any]) -> str | None:
    found = headers.get(topology.ORIGINAL_QUEUE_HEADER) or _death_of(headers, "queue")
    return str(found) if found else None


def _death_of(headers: Mapping[str, Any], what: str) -> object:
    """Return what RabbitMQ notes when it moves a message here by itself."""
    return headers.get(f"x-first-death-{what}")


def _published_at(headers: Mapping[str, Any]) -> datetime | None:
    value = headers.get(topology.PUBLISHED_AT_HEADER)
    try:
        return moment_of(value) if isinstance(value, int) else None
    except OverflowError:
        return None
