"""The exit generator's own copy of the entries: how it learns who is inside."""

import time

from faststream.rabbit import Channel, RabbitBroker
from parkstream_events.sightings import VehicleEntered, microseconds
from parkstream_events.topology import PASSED_AT_HEADER, TRACEPARENT_HEADER
from parkstream_events.wire import ENTERED, UnreadableError, decode_sighting
from parkstream_generators.dwell import Dwell
from parkstream_generators.intent_store import IntentStore
from parkstream_generators.intents import Car
from parkstream_generators.parked_cars import ParkedCars
from parkstream_generators.passages import NO_FURTHER_CAR, PLACEHOLDER
from parkstream_generators.plates import true_plate
from parkstream_messaging.batch_subscriber import Delivery, batch_subscriber
from parkstream_messaging.topology import EVENTS_THERE, SEEN_ENTERING, declare_unless_there

PREFETCH_COUNT = 500


async def find_seen_entering(broker: RabbitBroker) -> None:
    """Make sure of the bounded queue: it drops its oldest entries rather than hold up anybody."""
    await declare_unless_there(broker, SEEN_ENTERING)


def listen(broker: RabbitBroker, parked_cars: ParkedCars, intent_store: IntentStore, dwell: Dwell) -> None:
    """Keep in *parked_cars* whoever enters, until the end of a stay that *dwell* draws."""

    @batch_subscriber(broker, SEEN_ENTERING, EVENTS_THERE, channel=Channel(prefetch_count=PREFETCH_COUNT))
    async def on_entries(entries: list[Delivery]) -> None:
        """Remember the cars; the batch is acknowledged when that is durable."""
        now_us = time.time_ns() // 1000
        seen = [stay for delivery in entries if (stay := stay_of(delivery, dwell, intent_store.seed, now_us))]
        await parked_cars.park(seen)


def stay_of(delivery: Delivery, dwell: Dwell, seed: int, now_us: int) -> tuple[Car, int] | None:
    """Return the car that was seen and when it leaves, or ``None`` when the event is of no car, or of none that is new.

    A camera whose clock is ahead does not keep its cars inside for longer; a car that creeps stays from when it passed.
    """
    try:
        entered = decode_sighting(delivery.type or ENTERED, delivery.body)
    except UnreadableError:
        return None
    passed_at = delivery.headers.get(PASSED_AT_HEADER)
    if not isinstance(entered, VehicleEntered) or entered.vehicle_plate == PLACEHOLDER or passed_at == NO_FURTHER_CAR:
        return None
    entered_us = microseconds(entered.entry_date_time)
    passed_us = passed_at if isinstance(passed_at, int) else min(entered_us, now_us)
    car = Car(entered.id, entered.vehicle_plate, entered_us, str(delivery.headers.get(TRACEPARENT_HEADER) or ""))
    return car, passed_us + round(dwell.seconds(seed, true_plate(car.plate)) * 1_000_000)
