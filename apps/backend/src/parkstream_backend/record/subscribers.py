"""The two subscribers: what is taken from which queue."""

from faststream.rabbit import Channel, RabbitBroker
from parkstream_events.sightings import VehicleEntered, VehicleExited
from parkstream_events.wire import ENTERED, EXITED, PLACEHOLDERS
from parkstream_messaging.batch_subscriber import BatchSubscriber, Delivery, batch_subscriber
from parkstream_messaging.topology import ENTRIES, EVENTS, EXITS

from parkstream_backend.record.decoder import Camera
from parkstream_backend.record.recorder import Recorder


def listen_to_entries(
    broker: RabbitBroker, recorder: Recorder, channel: Channel, no_plates: frozenset[str] = PLACEHOLDERS
) -> BatchSubscriber:
    """Subscribe to the entry cameras; *no_plates* is what they report when they could read none."""
    camera = Camera(ENTRIES.name, VehicleEntered, ENTERED, no_plates)

    @(subscriber := batch_subscriber(broker, ENTRIES, EVENTS, channel=channel, settles=False))
    async def on_entries(entered: list[Delivery]) -> None:
        """Record that vehicles passed an entry camera."""
        await recorder.record(entered, camera)

    return subscriber


def listen_to_exits(
    broker: RabbitBroker, recorder: Recorder, channel: Channel, no_plates: frozenset[str] = PLACEHOLDERS
) -> BatchSubscriber:
    """Subscribe to the exit cameras; *no_plates* is what they report when they could read none."""
    camera = Camera(EXITS.name, VehicleExited, EXITED, no_plates)

    @(subscriber := batch_subscriber(broker, EXITS, EVENTS, channel=channel, settles=False))
    async def on_exits(exited: list[Delivery]) -> None:
        """Record that vehicles passed an exit camera."""
        await recorder.record(exited, camera)

    return subscriber
