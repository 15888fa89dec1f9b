"""Another version of the projection becomes live."""

from collections.abc import Awaitable, Callable

from msgspec import Struct
from parkstream_projection import Versions
from parkstream_projection.opened import Opened
from parkstream_projection.rebuild import Batch, Source
from parkstream_projection.rebuild.run import Result, Wish, replay

from parkstream_console.acts.work import ImpossibleError, Preview, Reached

SWITCH, ROLLBACK = "switch", "rollback"


class MakeLive(Struct, frozen=True):
    """Make the version *number* live, which has caught up before; *restates*: also when visits differ, and write these.

    It is the way back when that version was live before: *is_back*.
    """

    opened_to_write: Callable[[], Awaitable[Opened]]
    """To compare it catches up, which is written."""
    source: Source
    number: int
    is_back: bool
    restates: bool = False
    is_slow: bool = True

    @property
    def key(self) -> tuple[str, str]:
        """See ``Work``."""
        return (ROLLBACK if self.is_back else SWITCH), str(self.number)

    @property
    def title(self) -> str:
        """See ``Work``."""
        return f"Go back to version {self.number}" if self.is_back else f"Make version {self.number} live"

    @property
    def did(self) -> str:
        """See ``Work``."""
        how = ", and let visits that differ be written" if self.restates else ""
        return f"{'went back to' if self.is_back else 'switched to'} version {self.number} of the projection{how}"

    async def look(self, reached: Reached) -> Preview:
        """See ``Work``."""
        found = await self._replay(await self.opened_to_write(), Wish(version=self.number), reached)
        says = (
            f"version {self.number} and the live one, {found.live}, were compared at position {found.checkpoint:,}: "
            + (f"{found.differences:,} visits differ" if found.differences else "no visit differs")
        )
        notes = [f"{one['visit_id']}: written {one['shown']}, would be {one['now']}" for one in found.examples]
        return Preview(says=says, count=1, about=[f"version {self.number}"], notes=notes)

    async def do(self, it: Opened, why: str, reached: Reached) -> str:  # noqa: ARG002 - see Work
        """See ``Work``."""
        wish = Wish(version=self.number, switch=not self.is_back, rollback=self.is_back, deliver=self.restates)
        done = await self._replay(it, wish, reached)
        if not done.switched:
            message = (
                f"{done.differences:,} visits differ from what was written, so version {done.live} stays live: "
                "look again, and tick that they are to be written"
            )
            raise ImpossibleError(message)
        restated = f"; {done.differences:,} visits are written as their next revision" if done.differences else ""
        return f"version {self.number} is live since position {done.checkpoint:,}{restated}"

    async def _replay(self, it: Opened, wish: Wish, reached: Reached) -> Result:
        versions = Versions(it.redis, it.keys, writer=it.writer)
        found = next((one for one in await versions.all() if one.number == self.number), None)
        if found is None or found.live or not found.rebuilt or (self.is_back and not found.before):
            message = (
                f"version {self.number} has not caught up, is live already, or was not live before: look at the "
                "versions again; `parkstream replay` rebuilds"
            )
            raise ImpossibleError(message)
        end = (await it.log.state()).position

        def folded(batch: Batch) -> None:
            reached(batch.last, max(end, batch.last))

        return await replay(it, self.source, self.number, wish, folded)
