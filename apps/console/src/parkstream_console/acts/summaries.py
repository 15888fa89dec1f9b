"""Summaries are delivered again: those that the summary API refused, and those that its file has lost."""

from functools import partial

from msgspec import Struct
from parkstream_operations.written_pairs import pairs_of
from parkstream_projection.opened import Opened
from parkstream_projection.verify.absent_summaries import Missing, emit_missing
from parkstream_service.client import ServiceClient

from parkstream_console.acts.work import ImpossibleError, Preview, Reached

PARKED, MISSING = "parked", "missing"
AT_ONCE = 100
RECORDS_MAX = 5_000_000
"""Of a longer log the pairs do not fit beside the pages; the command line has a process of its own."""


class RedriveParked(Struct, frozen=True):
    """Deliver those again whose problem begins with *problem*, all with none."""

    it: Opened
    problem: str
    is_slow: bool = True

    @property
    def key(self) -> tuple[str, str]:
        """See ``Work``."""
        return PARKED, self.problem

    @property
    def title(self) -> str:
        """See ``Work``."""
        return f"Deliver parked summaries again: {self.problem or 'all'}"

    @property
    def did(self) -> str:
        """See ``Work``."""
        return f"delivered parked summaries again ({self.problem[:100] or 'all'})"

    async def look(self, reached: Reached) -> Preview:
        """See ``Work``."""
        found = await self._found(reached)
        return Preview(says=f"{len(found):,} would be delivered again", count=len(found), about=[*found.values()])

    async def do(self, it: Opened, why: str, reached: Reached) -> str:  # noqa: ARG002 - see Work
        """See ``Work``."""
        ids, count = [*await self._found(reached)], 0
        for begin in range(0, len(ids), AT_ONCE):  # Redis does nothing else meanwhile.
            count += await it.outbox.redrive(ids[begin : begin + AT_ONCE])
        return f"{count:,} were put back to be delivered; what is refused again is parked again"

    async def _found(self, reached: Reached) -> dict[str, str]:
        """Return the visits' ids by the ids in the outbox."""
        found: dict[str, str] = {}
        total = await self.it.outbox.parked()
        async for one in self.it.outbox.every_parked():
            if self.problem in {"", one.problem.partition(":")[0]}:
                found[one.id] = one.key
                reached(len(found), total)
        return found


class EmitMissing(Struct, frozen=True):
    """Emit again what the summary API at *url* has not written, and nothing else: it follows from the log alone."""

    it: Opened
    client: ServiceClient
    url: str
    is_slow: bool = True

    @property
    def key(self) -> tuple[str, str]:
        """See ``Work``."""
        return MISSING, ""

    @property
    def title(self) -> str:
        """See ``Work``."""
        return "Emit missing summaries again"

    @property
    def did(self) -> str:
        """See ``Work``."""
        return "emitted summaries again that were missing in the file"

    async def look(self, reached: Reached) -> Preview:
        """See ``Work``."""
        found = await self._emit(self.it, reached, dry_run=True)
        says = (
            f"{found.missing:,} of {found.expected:,} summaries are not in the file, up to position {found.through:,}"
        )
        notes = (
            [f"{found.unknown:,} more were made by an earlier version of the projection, and restated since"]
            if found.unknown
            else []
        )
        return Preview(says=says, count=found.missing, about=[visit_id for visit_id, _ in found.first], notes=notes)

    async def do(self, it: Opened, why: str, reached: Reached) -> str:  # noqa: ARG002 - see Work
        """See ``Work``."""
        done = await self._emit(it, reached, dry_run=False)
        return f"{done.emitted:,} of {done.missing:,} missing summaries were emitted again"

    async def _emit(self, it: Opened, reached: Reached, *, dry_run: bool) -> Missing:
        position = (await it.log.state()).position
        if position > RECORDS_MAX:
            message = f"the log has {position:,} records, too many for the console: parkstream outbox emit-missing"
            raise ImpossibleError(message)
        return await emit_missing(it, partial(pairs_of, self.url, self.client), reached, dry_run=dry_run)
