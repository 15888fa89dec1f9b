"""The two subscribers: what is taken from which queue, and how it is read."""

from typing import Any, TypeVar, cast

from aio_pika.abc import AbstractIncomingMessage
from faststream import AckPolicy
from faststream.message import StreamMessage
from faststream.rabbit import Channel, RabbitBroker
from faststream.rabbit.subscriber.usecase import RabbitSubscriber
from parkstream_broker import ENTRIES, EVENTS, EXITS
from parkstream_events.sightings import Sighting, VehicleEntered, VehicleExited
from parkstream_events.wire import ENTERED, EXITED, Refusal, UnreadableError, decode_sighting

from parkstream_backend.recorder import Recorder

SightingT = TypeVar("SightingT", bound=Sighting)


class SightingCodec:
    """Reads sightings of one *kind*; a message without a type is *default*.

    What cannot be read is returned as an ``UnreadableError``, because what to do with it is the recorder's to say.
    """

    def __init__(self, kind: type[Sighting], default: str) -> None:
        self._kind = kind
        self._default = default

    async def decode(self, msg: StreamMessage[AbstractIncomingMessage]) -> Sighting | UnreadableError:
        """Return what the message reports."""
        type_ = msg.raw_message.type or self._default
        try:
            seen = decode_sighting(type_, msg.body)
        except UnreadableError as error:
            return error
        if isinstance(seen, self._kind):
            return seen
        return UnreadableError(Refusal.UNKNOWN_TYPE, f"this queue takes {self._default}, not {type_}")

    async def encode(self, msg: object, serializer: object = None) -> tuple[bytes, str | None]:
        """Refuse: nothing is sent through this codec."""
        raise NotImplementedError


def listen(broker: RabbitBroker, recorder: Recorder, prefetch_count: int) -> list[RabbitSubscriber]:
    """Subscribe *recorder* to both cameras' queues, a channel each; no handler has a ``Context()`` (a thread hop)."""

    def message() -> AbstractIncomingMessage:
        return cast("Any", broker.context.get_local("message")).raw_message

    @(
        entries := broker.subscriber(
            ENTRIES,
            EVENTS,
            channel=Channel(prefetch_count=prefetch_count),
            ack_policy=AckPolicy.MANUAL,
            codec=SightingCodec(VehicleEntered, ENTERED),
            no_reply=True,
            title="entries",
        )
    )
    async def on_entry(entered: VehicleEntered | UnreadableError) -> None:
        """Record that a vehicle passed an entry camera."""
        await recorder.record(entered, message(), ENTRIES.name)

    @(
        exits := broker.subscriber(
            EXITS,
            EVENTS,
            channel=Channel(prefetch_count=prefetch_count),
            ack_policy=AckPolicy.MANUAL,
            codec=SightingCodec(VehicleExited, EXITED),
            no_reply=True,
            title="exits",
        )
    )
    async def on_exit(exited: VehicleExited | UnreadableError) -> None:
        """Record that a vehicle passed an exit camera."""
        await recorder.record(exited, message(), EXITS.name)

    return [entries, exits]
