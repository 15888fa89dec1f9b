"""The two subscribers: what is taken from which queue, and how it is read."""

from typing import TYPE_CHECKING, Any, cast

from faststream import AckPolicy
from faststream.rabbit import Channel, RabbitBroker
from parkstream_broker import ENTRIES, EVENTS, EXITS
from parkstream_events.sightings import Sighting, VehicleEntered, VehicleExited
from parkstream_events.wire import ENTERED, EXITED, Refusal, UnreadableError, decode_sighting

from parkstream_backend.recorder import Recorder

if TYPE_CHECKING:
    from aio_pika.abc import AbstractIncomingMessage


class SightingCodec:
    """Reads sightings of one *kind*; a message without a type is *default*.

    What cannot be read is returned as an ``UnreadableError``, because what to do with it is the recorder's to say.
    """

    def __init__(self, kind: type[Sighting], default: str) -> None:
        self._kind = kind
        self._default = default

    async def decode(self, msg: Any) -> Any:  # noqa: ANN401 - FastStream's signature
        """Return the sighting that the message reports, or why there is none."""
        type_ = msg.raw_message.type or self._default
        try:
            seen = decode_sighting(type_, msg.body)
        except UnreadableError as error:
            return error
        if isinstance(seen, self._kind):
            return seen
        return UnreadableError(Refusal.UNKNOWN_TYPE, f"this queue takes {self._default}, not {type_}")

    async def encode(self, msg: Any, serializer: Any = None) -> tuple[bytes, str | None]:  # noqa: ANN401
        """Refuse: nothing is sent through this codec."""
        raise NotImplementedError


def listen(broker: RabbitBroker, recorder: Recorder, prefetch_count: int) -> None:
    """Subscribe *recorder* to both cameras' queues, a channel each."""
    entries, exits = Channel(prefetch_count=prefetch_count), Channel(prefetch_count=prefetch_count)
    reading_entries, reading_exits = SightingCodec(VehicleEntered, ENTERED), SightingCodec(VehicleExited, EXITED)

    def message() -> "AbstractIncomingMessage":  # A Context() parameter would cost a thread hop per message.
        return cast("AbstractIncomingMessage", broker.context.get_local("message").raw_message)

    @broker.subscriber(
        ENTRIES, EVENTS, channel=entries, ack_policy=AckPolicy.MANUAL, codec=reading_entries, no_reply=True
    )
    async def on_entry(entered: VehicleEntered | UnreadableError) -> None:
        """Record that a vehicle passed an entry camera."""
        await recorder.record(entered, message(), ENTRIES.name)

    @broker.subscriber(EXITS, EVENTS, channel=exits, ack_policy=AckPolicy.MANUAL, codec=reading_exits, no_reply=True)
    async def on_exit(exited: VehicleExited | UnreadableError) -> None:
        """Record that a vehicle passed an exit camera."""
        await recorder.record(exited, message(), EXITS.name)
