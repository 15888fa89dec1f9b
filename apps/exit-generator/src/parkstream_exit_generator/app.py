"""The composition root of the exit generator."""

from collections.abc import Mapping

from parkstream_events.keys import Database, ExitGeneratorKeys
from parkstream_events.sightings import VehicleExited
from parkstream_events.topology import EXITED_KEY
from parkstream_events.wire import EXITED
from parkstream_generators.context import GeneratorContext, Identity
from parkstream_generators.generator import Generator
from parkstream_generators.intents import SightingKind
from parkstream_generators.parked_cars import ParkedCars
from parkstream_messaging.topology import check_events
from parkstream_telemetry import names

from parkstream_exit_generator.entry_subscriber import find_seen_entering, listen
from parkstream_exit_generator.settings import Settings
from parkstream_exit_generator.stays import ExitBarrier


def create_generator(settings: Settings) -> Generator:
    """Return the generator that *settings* describe; it connects when it is served."""
    keys = ExitGeneratorKeys(settings.mall)
    context = GeneratorContext(
        settings,
        Identity(
            service="parkstream-exit-generator",
            database=Database.EXIT_GENERATOR,
            keys=keys,
            key=EXITED_KEY,
            type=EXITED,
            make=VehicleExited,
            description="A vehicle passed an exit camera.",
            kinds=(SightingKind.MATCHED, SightingKind.UNMATCHED, SightingKind.MISREAD),
            checks=(check_events, find_seen_entering),
        ),
    )
    parked_cars = ParkedCars(context.store, keys, context.wake.set)
    listen(context.broker, parked_cars, context.intent_store, settings.dwell)

    context.telemetry.watch(names.CARS_PARKED, lambda: parked_cars.parked)
    context.telemetry.watch(names.MATCHED_SHARE, lambda: matched_share(context.confirmed))

    async def counts() -> dict[str, int]:
        return {"parked": await parked_cars.count()}

    return Generator(context, ExitBarrier(context, parked_cars, settings).run, counts)


def matched_share(confirmed: Mapping[str, int]) -> float:
    """Return which part of the exits belongs to a car that entered; misread ones aside."""
    matched, unmatched = (confirmed.get(kind, 0) for kind in (SightingKind.MATCHED, SightingKind.UNMATCHED))
    return matched / (matched + unmatched) if matched + unmatched else 0.0
