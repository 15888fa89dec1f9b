"""What the exit camera reports when cars leave: four exits of cars that entered, then one that matches nobody."""

from collections.abc import Sequence

from msgspec import Struct
from parkstream_generators.intents import Car, Intent, SightingKind
from parkstream_generators.matched_share import Matching
from parkstream_generators.passages import Passages, Passing
from parkstream_generators.plates import stranger_plate, true_plate


class Departures(Struct, frozen=True):
    """What is published for some cars: *made* is the next number of the 80/20 sequence."""

    intents: list[Intent]
    made: int
    missed: int


class ExitCamera:
    """Turns cars that leave into exits; the same *seed* and numbers give the same plates, matches and faults."""

    def __init__(self, seed: int, matching: Matching, passages: Passages) -> None:
        self._seed = seed
        self._matching = matching
        self._passages = passages

    def see(self, cars: Sequence[Car], made: int, now_us: int) -> Departures:
        """Return the exits of *cars*, and those of strangers whose turn it is before them."""
        intents: list[Intent] = []
        missed = 0
        for car in cars:
            plate = true_plate(car.plate)
            if self._passages.faults.misses(plate, self._seed):
                missed += 1
                continue
            gate = self._passages.gate_of(plate, self._seed)
            kind, read = self._as_seen(car, plate, self._passages.shown_us(gate, now_us))
            if kind is SightingKind.MATCHED:
                made = self._strangers(intents, made, now_us) + 1
            leaving = Passing(read, now_us, kind, linked_traceparent=car.traceparent)
            intents += self._passages.seen(leaving, gate, plate, self._seed)
        return Departures(intents, made, missed)

    def _strangers(self, intents: list[Intent], number: int, now_us: int) -> int:
        """Let strangers leave until it is a matched exit's turn; return its number."""
        while not self._matching.matches(number):
            plate = stranger_plate(self._seed, number)
            gate = self._passages.gate_of(plate, self._seed)
            leaving = Passing(plate, now_us, SightingKind.UNMATCHED)
            intents += self._passages.seen(leaving, gate, plate, self._seed)
            number += 1
        return number

    def _as_seen(self, car: Car, plate: str, shown_us: int) -> tuple[SightingKind, str]:
        """Return what the exit counts as at *shown_us* by its gate's clock, and the plate that is read.

        A car whose plate the entry camera misread leaves under its true one: that exit matches nothing either.
        """
        if plate != car.plate:
            return SightingKind.MISREAD, plate
        read = self._passages.faults.plate_as_read(plate, self._seed)
        if read != plate:
            return SightingKind.MISREAD, read
        return (SightingKind.BACKDATED if shown_us < car.entered_us else SightingKind.MATCHED), read
