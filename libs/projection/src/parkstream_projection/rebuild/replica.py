"""A projection in memory: the plates encoded, as Redis keeps them, but for those that something waits for."""

from collections.abc import Iterable

from parkstream_visits import Clock, Fold, State, Timer
from parkstream_visits.timers import SEPARATOR

from parkstream_projection.codec import decode_plate, plates_in, recorded_event_of
from parkstream_projection.rebuild.frames import Batch
from parkstream_projection.state_hash import encode


class Replica:
    """What is remembered at ``checkpoint``, and the fold that goes on from there."""

    def __init__(
        self, checkpoint: int = 0, clock: Clock | None = None, plates: Iterable[tuple[str, bytes]] = ()
    ) -> None:
        self.checkpoint = checkpoint
        self.state = State(clock)
        self._woken: dict[str, bytes] = {}
        self._awake: set[str] = set()
        """Plates that have changed, and for which something waits: they will change again."""
        for name, encoded in plates:
            self._restore(name, encoded)
        self._fold = Fold(self.state)

    def _restore(self, name: str, encoded: bytes) -> None:
        """Take in a plate as it is kept, and what waits for it."""
        state, plate = self.state, decode_plate(encoded)
        state.timers[Timer.FORGETTING].load(plate.keep_until_us, name)
        for visit_id, (way, due_us) in plate.pending.items():
            state.timers[way].load(due_us, f"{name}{SEPARATOR}{visit_id}")
        if plate.pending:
            state.plates[name] = plate
        else:
            state.asleep[name] = encoded

    @property
    def clock(self) -> bytes:
        """What there is once, encoded."""
        return encode(self.state.clock)

    @property
    def rules(self) -> int:
        """Which of the clock's rules are in force."""
        return len(self.state.clock.rules) - 1

    def plate(self, name: str) -> bytes | None:
        """Return what is remembered of the plate *name*, encoded; ``changes`` comes first."""
        plate = self.state.plates.get(name)
        return self.state.asleep.get(name) if plate is None else encode(plate)

    def names(self) -> set[str]:
        """Return the plates of which something is remembered."""
        return self.state.plates.keys() | self.state.asleep.keys()

    def take_in(self, batch: Batch) -> None:
        """Fold *batch*, the next one."""
        self._wake(batch.names)
        see = self._fold.see
        for start, end, other in batch.runs():
            for name, sighting in zip(batch.names[start:end], batch.sightings[start:end], strict=True):
                see(name, sighting)
            if other is not None:
                recorded = recorded_event_of(other)
                self._wake(plates_in(recorded))
                self._fold.fold(recorded)
        self.checkpoint = batch.last

    def changes(self, *, whole: bool) -> dict[str, bytes | None]:
        """Return what has changed and goes to sleep, encoded, None when forgotten; with *whole* what stays awake, too.

        To be called after every batch, while what it touched is still in the processor's cache.
        """
        plates, asleep, awake = self.state.plates, self.state.asleep, self._awake
        changed: dict[str, bytes | None] = {}
        touched = self._fold.take_touched()
        for name in touched:
            plate = plates.get(name)
            if plate is None:
                changed[name] = None
                awake.discard(name)
            elif plate.pending:
                awake.add(name)
            else:
                changed[name] = asleep[name] = encode(plate)
                del plates[name]
                awake.discard(name)
        self._let_sleep(touched)
        if whole:
            changed.update((name, encode(plates[name])) for name in awake)
            awake.clear()
        return changed

    def _let_sleep(self, touched: set[str]) -> None:
        """Put those back to sleep that were woken for nothing."""
        plates = self.state.plates
        for name, encoded in self._woken.items():
            if name not in touched:
                self.state.asleep[name] = encoded
                del plates[name]
        self._woken.clear()

    def forget_timer_changes(self) -> None:
        """Let go of what has changed in the timers: nobody is going to write it."""
        for timer in self.state.timers:
            timer.take_changes()

    def _wake(self, names: Iterable[str]) -> None:
        plates, asleep = self.state.plates, self.state.asleep
        for name in asleep.keys() & names:
            self._woken[name] = encoded = asleep.pop(name)
            plates[name] = decode_plate(encoded)
