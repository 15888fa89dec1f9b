"""Other shapes that events have, or had, on the wire, and what today's events are made of each.

The rules know today's events only; docs/changing-events.md walks through the one below.
"""

from typing import Annotated

from msgspec import Meta, Struct

from parkstream_events.sightings import Confidence, EventId, VehicleEntered, VehicleExited, ZonedTime

PlaceName = Annotated[str, Meta(min_length=1, max_length=100)]


class CameraPlace(Struct, frozen=True):
    """Where a camera hangs: what version 1 knows as one ``gate``."""

    site: PlaceName
    lane: PlaceName

    @property
    def gate(self) -> str:
        """Both, as one name."""
        return f"{self.site}/{self.lane}"


class VehicleEnteredV2(Struct, frozen=True, omit_defaults=True):
    """A vehicle passed an entry camera: ``gate`` is split, and never absent."""

    id: EventId
    vehicle_plate: str
    entry_date_time: ZonedTime
    camera: CameraPlace
    confidence: Confidence | None = None


class VehicleExitedV2(Struct, frozen=True, omit_defaults=True):
    """A vehicle passed an exit camera; see ``VehicleEnteredV2``."""

    id: EventId
    vehicle_plate: str
    exit_date_time: ZonedTime
    camera: CameraPlace
    confidence: Confidence | None = None


def entered_of_v2(body: VehicleEnteredV2) -> VehicleEntered:
    """Return today's event; raise ``ValueError`` when the plate is not one."""
    return VehicleEntered(body.id, body.vehicle_plate, body.entry_date_time, body.camera.gate, body.confidence)


def exited_of_v2(body: VehicleExitedV2) -> VehicleExited:
    """Return today's event; raise ``ValueError`` when the plate is not one."""
    return VehicleExited(body.id, body.vehicle_plate, body.exit_date_time, body.camera.gate, body.confidence)
