"""What ``parkstream cells move`` does around a move to another RabbitMQ: addresses, services, and the wait for them."""

import time
from pathlib import Path
from typing import Final

from msgspec import Struct
from parkstream_operations.cells import rabbitmq_rights
from parkstream_operations.cells.addresses import backend_file, moved_in_vhost, server_of, write_addresses
from parkstream_operations.cells.broker_move import (
    Ends,
    Taken,
    close,
    consumed,
    copies_left,
    prepare,
    take_over,
)
from parkstream_operations.cells.cell import FieldError, check_address
from parkstream_operations.cells.cells_file import Cells
from parkstream_operations.cells.rights import definitions_of

from parkstream_cli.cells.move import passwords_of, restarted
from parkstream_cli.cells.origin import RABBITMQ, Origin, forget_origin, keep_origin, origin_of
from parkstream_cli.errors import MISUSED, ToolError
from parkstream_cli.output import note
from parkstream_cli.progress import progress

ADDRESSES: Final = "rabbitmq_url_*"
RABBITMQ_URL: Final = "rabbitmq_url"


class BrokerAnswer(Struct, frozen=True, kw_only=True):
    """What a move came to; *pause_seconds*: for how long nothing was recorded; *late*: what came after the closing.

    Of a move that was interrupted only what its last run took over is counted.
    """

    mall: str
    taken: Taken
    late: Taken
    copies_left: int
    """Copies of entries that the exit generator had not taken: those cars it never lets leave."""
    pause_seconds: float
    addresses: list[str]


class BrokerMove:
    """Moves *mall*, whose address of RabbitMQ is in *file* (with those of its services beside it), from *old* to *new*.

    Both are servers without user and vhost.
    """

    def __init__(self, mall: str, file: Path, old: str, new: str) -> None:
        self._mall = mall
        self._file = file
        self._old, self._new = old, new

    async def make_users(self, management_url: str) -> None:
        """Make the mall's vhost and users where it goes, with the passwords that they have."""
        passwords = passwords_of(self._file.parent, "rabbitmq")
        await rabbitmq_rights.bring(management_url, definitions_of(self._mall, passwords), dry_run=False)

    async def run(self, restart: str | None) -> BrokerAnswer:
        """Move it, and return when it is recorded from the new place."""
        ends = self._ends(self._old, self._new)
        begun = origin_of(self._file, RABBITMQ)
        await prepare(ends, begun=begun is not None)
        origin = begun or Origin(self._old, time.time(), self._new)
        keep_origin(self._file, RABBITMQ, origin)
        taken = await _emptied(ends)
        addresses = write_addresses(self._file, ADDRESSES, lambda text: moved_in_vhost(text, self._new))
        note(f"{taken.messages:,} messages went to {self._new}; {self._old} takes none any more")
        await restarted(restart, self._mall)
        await consumed(ends)
        pause_seconds = time.time() - origin.closed_at
        late = await _emptied(ends)
        forget_origin(self._file, RABBITMQ)
        return BrokerAnswer(
            mall=self._mall,
            taken=taken,
            late=late,
            copies_left=await copies_left(ends),
            pause_seconds=pause_seconds,
            addresses=list(map(str, addresses)),
        )

    async def back(self) -> None:
        """Move it to where it was, with all that waits at the new place."""
        ends = self._ends(self._new, self._old)
        await prepare(ends, begun=True)
        await _emptied(ends)
        write_addresses(self._file, ADDRESSES, lambda text: moved_in_vhost(text, self._old))
        forget_origin(self._file, RABBITMQ)

    def _ends(self, source: str, target: str) -> Ends:
        text = backend_file(self._file).read_text("utf-8").strip()
        return Ends(self._mall, moved_in_vhost(text, source), moved_in_vhost(text, target))


async def _emptied(ends: Ends) -> Taken:
    await close(ends, note)
    with progress("taking over what waits") as reached:
        return await take_over(ends, reached)


def broker_move_of(cells: Cells, mall: str, rabbitmq_url: str, to: str | None, *, back: bool) -> BrokerMove | None:
    """Return the move of *mall*, which is at *rabbitmq_url*, that is asked for or has begun; raise ``ToolError``."""
    named = cells.cell(mall).rabbitmq_url_file
    if named is None:
        if to is None:
            return None
        message = f"{mall} has its address of RabbitMQ in {cells.path}: put it into a file: rabbitmq_url_file"
        raise ToolError(message, exit_code=MISUSED)
    file = cells.path.parent / named
    origin = origin_of(file, RABBITMQ)
    if origin is None and (back or to is None):
        return None
    if to is not None:
        check_address(RABBITMQ_URL, to)
        if server_of(to) != to.removesuffix("/"):
            raise FieldError(RABBITMQ_URL, "leave the vhost out: it goes on under its name")
    old, new = (origin.old, origin.new) if origin else (server_of(rabbitmq_url), server_of(to or ""))
    if new == old or (to is not None and server_of(to) != new):
        message = f"a move to {new} has begun: finish it, or go --back" if origin else "it is there already"
        raise ToolError(message, exit_code=MISUSED)
    return BrokerMove(mall, file, old, new)
