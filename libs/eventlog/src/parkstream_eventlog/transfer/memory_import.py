"""Imports into a log in memory, as ``import.lua`` does into Redis."""

from collections.abc import Sequence

from parkstream_eventlog.memory_log import MemoryLog
from parkstream_eventlog.transfer.importer import Batch, NotImportedError, Standing, refusal


class MemoryImport:
    """A ``Target``: *log*."""

    def __init__(self, log: MemoryLog) -> None:
        self._log = log
        self.schema = log.schema
        self._mark = ""

    async def standing(self) -> Standing:
        """See ``Target.standing``."""
        position = (await self._log.state()).position
        return Standing(position, self._mark, position > 0)

    async def take(self, batches: Sequence[Batch]) -> None:
        """See ``Target.take``."""
        for batch in batches:
            await self._take(batch)

    async def finish(self, mark: str) -> None:
        """See ``Target.finish``."""
        if mark != self._mark:
            message = "the log was written to while the import ran: import into an empty log"
            raise NotImportedError(message)
        self._mark = ""

    async def _take(self, batch: Batch) -> None:
        state = await self._log.state()
        first = batch.records[0].position
        if batch.mark_before != self._mark or (self._mark and state.position != first - 1):
            message = f"the log was written to while the import ran, at position {first}: import into an empty log"
            raise NotImportedError(message)
        self._check(batch, state.now_us)
        self._log.take_over(batch.records)
        self._mark = batch.mark

    def _check(self, batch: Batch, now_us: int) -> None:
        own: dict[tuple[int, bytes], int] = {}
        for nth, record in enumerate(batch.records):
            place = self._log.place_of(record)
            known = self._log.position_of(*place) or own.get(place)
            own[place] = record.position
            if known:
                problem = f"its id is that of position {known}"
            elif record.recorded_at_us > now_us:
                problem = "it was recorded in the future of the log's clock: set the clocks right"
            else:
                continue
            raise refusal(batch.first_line + nth, batch.first_line, problem)
