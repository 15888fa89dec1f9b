"""The composition root of the entry generator."""

from parkstream_events.keys import Database, EntryGeneratorKeys
from parkstream_events.sightings import VehicleEntered
from parkstream_events.topology import ENTERED_KEY
from parkstream_events.wire import ENTERED
from parkstream_generators.context import GeneratorContext, Identity
from parkstream_generators.generator import Generator
from parkstream_generators.intents import SightingKind
from parkstream_messaging.topology import check_events

from parkstream_entry_generator.arrivals import EntryCamera
from parkstream_entry_generator.settings import Settings


def create_generator(settings: Settings) -> Generator:
    """Return the generator that *settings* describe; it connects when it is served."""
    context = GeneratorContext(
        settings,
        Identity(
            service="parkstream-entry-generator",
            database=Database.ENTRY_GENERATOR,
            keys=EntryGeneratorKeys(settings.mall),
            key=ENTERED_KEY,
            type=ENTERED,
            make=VehicleEntered,
            description="A vehicle passed an entry camera.",
            kinds=(SightingKind.ENTERED, SightingKind.MISREAD),
            checks=(check_events,),
        ),
    )
    camera = EntryCamera(context, settings.arrivals, settings.rate, settings.time_scale, open_loop=settings.open_loop)
    return Generator(context, camera.run)
