"""What goes wrong at a camera, each with its share; all off by default."""

from msgspec import Struct
from parkstream_events.units import SECOND_US

from parkstream_generators.chance import drawn
from parkstream_generators.plates import misread_plate


class Faults(Struct, frozen=True, kw_only=True):
    """The knobs: shares from 0 to 1, times in seconds."""

    duplicate_share: float = 0.0
    misread_share: float = 0.0
    missed_share: float = 0.0
    delay_share: float = 0.0
    delay_seconds: float = 0.0
    clock_skew_seconds: float = 0.0

    def plate_as_read(self, plate: str, seed: int) -> str:
        """Return *plate*, or what the camera takes it for."""
        if not _falls(self.misread_share, seed, "misread", plate):
            return plate
        return misread_plate(plate, seed) or plate

    def copies(self, plate: str, seed: int) -> int:
        """Return how many times the event is published: 1, or 2 when the camera repeats itself (same id, same body)."""
        return 2 if _falls(self.duplicate_share, seed, "duplicate", plate) else 1

    def misses(self, plate: str, seed: int) -> bool:
        """Return whether the camera does not see the car at all."""
        return _falls(self.missed_share, seed, "missed", plate)

    def delay_of(self, plate: str, seed: int) -> float:
        """Return for how many seconds the event is kept before it is published."""
        return self.delay_seconds if _falls(self.delay_share, seed, "delay", plate) else 0.0

    def clock(self, now_us: int) -> int:
        """Return what the camera's own clock shows at *now_us*."""
        return now_us + round(self.clock_skew_seconds * SECOND_US)


def _falls(share: float, seed: int, purpose: str, plate: str) -> bool:
    return share > 0 and drawn(seed, purpose, plate) < share
