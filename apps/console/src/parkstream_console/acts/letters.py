"""Dead letters are sent to the backend again."""

from collections.abc import Collection

from msgspec import Struct
from parkstream_messaging.dead_letters import Selection, dead_letters
from parkstream_messaging.redrive import Redriven, redrive
from parkstream_operations.broker import broker
from parkstream_projection.opened import Opened

from parkstream_console.acts.work import Preview, Reached

KIND = "dead-letters"
LETTERS_MAX = 5_000
"""Of more the first are sent: others do not see what is looked at, and whoever looks keeps none in memory."""


class RedriveLetters(Struct, frozen=True):
    """Send those again that were refused for *reason*, all with none; only what one of *trusted* has put there."""

    url: str
    trusted: Collection[str]
    reason: str
    is_slow: bool = True

    @property
    def key(self) -> tuple[str, str]:
        """See ``Work``."""
        return KIND, self.reason

    @property
    def title(self) -> str:
        """See ``Work``."""
        return f"Send dead letters again: {self.reason or 'all'}"

    @property
    def did(self) -> str:
        """See ``Work``."""
        return f"sent dead letters again ({self.reason[:100] or 'all'})"

    async def look(self, reached: Reached) -> Preview:
        """See ``Work``."""
        found, notes = await self._redrive(reached, dry_run=True)
        says = f"{len(found.redriven)} would be sent to the backend again, {found.stay} stay"
        return Preview(says=says, count=len(found.redriven), about=found.redriven, notes=notes)

    async def do(self, it: Opened, why: str, reached: Reached) -> str:  # noqa: ARG002 - see Work
        """See ``Work``."""
        done, notes = await self._redrive(reached, dry_run=False)
        return "; ".join([f"{len(done.redriven)} were sent to the backend again, {done.stay} stay", *notes])

    async def _redrive(self, reached: Reached, *, dry_run: bool) -> tuple[Redriven, list[str]]:
        async with broker(self.url) as connection, dead_letters(connection) as all_letters:
            letters = all_letters.first(LETTERS_MAX)
            done = await redrive(
                letters,
                Selection(reason=self.reason or None),
                lambda done: reached(done, letters.waiting),
                trusted=self.trusted,
                dry_run=dry_run,
            )
            return done, _stays(done, all_letters.waiting - letters.waiting)


def _stays(found: Redriven, beyond: int) -> list[str]:
    notes: list[str] = []
    if beyond:
        notes.append(f"{beyond:,} more were not looked at: the first {LETTERS_MAX:,} are, each time")
    if found.untrusted:
        notes.append(
            f"{len(found.untrusted)} stay because the backend did not put them there: look at them with "
            "`parkstream dead-letters show`, then redrive them there with --untrusted"
        )
    if found.impossible:
        notes.append(
            f"{len(found.impossible)} stay because nothing says from which of our queues they came, "
            "or they must not be sent there"
        )
    return notes
