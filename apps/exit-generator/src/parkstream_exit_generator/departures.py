"""What the exit camera reports when cars leave: four exits of cars that entered, then one that matches nobody."""

from collections.abc import Sequence

from msgspec import Struct
from parkstream_events.sightings import VehicleExited, moment_of
from parkstream_events.wire import encode
from parkstream_generators.faults import Faults
from parkstream_generators.ids import event_id
from parkstream_generators.intents import Car, Intent, SightingKind
from parkstream_generators.matched_share import Matching
from parkstream_generators.plates import stranger_plate, true_plate


class Departures(Struct, frozen=True):
    """What is published for some cars: *made* is the next number of the 80/20 sequence."""

    intents: list[Intent]
    made: int
    missed: int


class ExitCamera:
    """Turns cars that leave into exits; the same *seed* and numbers give the same plates, matches and faults."""

    def __init__(self, seed: int, matching: Matching, faults: Faults) -> None:
        self._seed = seed
        self._matching = matching
        self._faults = faults

    def see(self, cars: Sequence[Car], made: int, now_us: int) -> Departures:
        """Return the exits of *cars*, and those of strangers whose turn it is before them."""
        intents: list[Intent] = []
        missed = 0
        for car in cars:
            plate = true_plate(car.plate)
            if self._faults.misses(plate, self._seed):
                missed += 1
                continue
            kind, read = self._as_seen(car, plate)
            if kind is SightingKind.MATCHED:
                made = self._strangers(intents, made, now_us) + 1
            intents.append(self._exit(kind, read, now_us, car.traceparent))
        return Departures(intents, made, missed)

    def _strangers(self, intents: list[Intent], number: int, now_us: int) -> int:
        """Let strangers leave until it is a matched exit's turn; return its number."""
        while not self._matching.matches(number):
            plate = stranger_plate(self._seed, number)
            intents.append(self._exit(SightingKind.UNMATCHED, plate, now_us))
            number += 1
        return number

    def _as_seen(self, car: Car, plate: str) -> tuple[SightingKind, str]:
        """Return what the exit counts as, and the plate that is read.

        A car whose plate the entry camera misread leaves under its true one: that exit matches nothing either.
        """
        if plate != car.plate:
            return SightingKind.MISREAD, plate
        read = self._faults.plate_as_read(plate, self._seed)
        return (SightingKind.MATCHED if read == plate else SightingKind.MISREAD), read

    def _exit(self, kind: SightingKind, plate: str, now_us: int, traceparent: str = "") -> Intent:
        id_ = event_id(now_us)
        delay_us = round(self._faults.delay_of(plate, self._seed) * 1_000_000)
        return Intent(
            id=id_,
            kind=kind,
            body=encode(VehicleExited(id_, plate, moment_of(self._faults.clock(now_us)))).decode(),
            copies=self._faults.copies(plate, self._seed),
            publish_at_us=now_us + delay_us if delay_us else 0,
            linked_traceparent=traceparent,
        )
