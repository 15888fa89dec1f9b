"""A log with a clock that tests turn, and its projection in memory."""

from parkstream_eventlog import MemoryLog
from parkstream_events import wire
from parkstream_events.decisions import WatermarkAdvanced
from parkstream_events.log_schema import LOG_SCHEMA
from parkstream_events.sightings import Direction
from parkstream_projection import Outlook, Waiting, recorded_event_of
from parkstream_visits import Emitted, Fold, State
from parkstream_visits.watermark_decision import Drained
from projections import SECOND, sighting

START = 1_772_352_000_000_000


class Clockwork:
    """Seconds since the start are what tests speak of."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.log = MemoryLog(LOG_SCHEMA, lambda: self.now_us)
        self.state = State()
        self.depths: dict[Direction, int | None] = {Direction.ENTRY: 0, Direction.EXIT: 0}
        self._drained: dict[Direction, Drained | None] = dict.fromkeys(Direction)
        self.emitted: list[Emitted] = []
        self.projecting = True
        self.checkpoint = 0
        self._fold = Fold(self.state)

    @property
    def now_us(self) -> int:
        return START + round(self.seconds * SECOND)

    async def drained(self, direction: Direction) -> Drained | None:
        """Return what is known of a queue: nothing while its depth is None; it is drained when that is 0."""
        known, depth = self._drained[direction], self.depths[direction]
        if depth is None:
            known = None
        elif depth == 0:
            known = Drained(self.now_us if known is None else known.since_us, self.now_us)
        self._drained[direction] = known
        return known

    async def see(self, way: int, id_: str, plate: str, ago: float = 0, gate: str | None = None) -> None:
        """Record that *plate* passed *ago* seconds before now."""
        await self.log.append([sighting(way, id_, plate, self.now_us - round(ago * SECOND), gate=gate)])

    async def outlook(self) -> Outlook:
        """Project what there is, unless nobody projects; return what waits."""
        if self.projecting:
            for record in await self.log.read(self.checkpoint, 1_000):
                self.emitted += self._fold.fold(recorded_event_of(record))
                self.checkpoint = record.position
        entry, exit_ = (
            [Waiting(due, *member.split("\x1f")) for due, member in sorted((d, m) for m, d in queue._due.items())]
            for queue in self.state.timers[:2]
        )
        return Outlook(self.checkpoint, self.state.clock, (entry, exit_))

    async def recorded_at(self, names: list[str]) -> list[int]:
        return [max(seen.recorded_at_us for seen in self.state.plates[name].sightings) for name in names]

    async def decisions(self) -> list[WatermarkAdvanced]:
        """Return all that was decided by the clock, in order."""
        records = await self.log.read(0, 100_000)
        events = [recorded_event_of(record).event for record in records if record.type == wire.WATERMARK_ADVANCED]
        return [event for event in events if isinstance(event, WatermarkAdvanced)]
