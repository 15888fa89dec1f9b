"""What ``parkstream cells move`` does around the move itself: both addresses, the services, and the wait for them."""

import asyncio
import shlex
import subprocess
import time
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Final

from msgspec import Struct
from parkstream_messaging.errors import MessagingError
from parkstream_operations.cells import redis_rights
from parkstream_operations.cells.addresses import moved_address, write_addresses
from parkstream_operations.cells.cell import FieldError, check_address
from parkstream_operations.cells.cells_file import Cells
from parkstream_operations.cells.key_copy import NotEqualError
from parkstream_operations.cells.move import (
    Moved,
    MoveError,
    Places,
    go_back,
    is_recorded_to,
    prepare,
    switch,
)
from parkstream_operations.cells.rights import acl_rules_of
from parkstream_operations.cells.secret_files import SecretFiles
from parkstream_operations.written_log import MisdirectedError, mark_of
from parkstream_service.redis import connect
from parkstream_service.settings import SettingsError, hosts_of
from parkstream_service.unreachable import reason
from redis.exceptions import RedisError

from parkstream_cli.cells.origin import REDIS, Origin, forget_origin, keep_origin, origin_of
from parkstream_cli.errors import MISUSED, ToolError
from parkstream_cli.output import note
from parkstream_cli.progress import progress

ADDRESSES: Final = "redis_url_*"
POLL_SECONDS: Final = 0.1
NO_MARK: Final = "nothing of this mall was ever recorded: change its address instead, in the file of cells"
NO_SECRETS: Final = "there is no {}: this mall was not made by parkstream cells add, so make its users there yourself"


class Answer(Struct, frozen=True, kw_only=True):
    """What a move came to; *pause_seconds*: for how long nothing was recorded."""

    moved: Moved
    pause_seconds: float
    addresses: list[str]


class Move:
    """Moves *mall*, whose address of Redis stands in *file* (with those of its services beside it)."""

    def __init__(self, mall: str, rabbitmq_url: str, file: Path, old: str, new: str) -> None:
        self._mall = mall
        self._rabbitmq_url = rabbitmq_url
        self._file = file
        self._old, self._new = old, new

    async def make_users(self, admin_url: str) -> None:
        """Make the mall's users at the new place, with the passwords that they have."""
        passwords = passwords_of(self._file.parent, "redis")
        _, unsaved = await redis_rights.bring(admin_url, acl_rules_of(self._mall, passwords), dry_run=False)
        if unsaved:
            note(unsaved)

    async def run(self, restart: str | None) -> Answer:
        """Move it, and return when it is recorded to at the new place."""
        async with self._places() as places:
            with progress("copying the log") as reached:
                await prepare(places, reached)
            origin = origin_of(self._file, REDIS) or Origin(self._old, time.time())
            keep_origin(self._file, REDIS, origin)
            with progress("copying the rest") as reached:
                moved = await switch(places, reached)
            addresses = write_addresses(self._file, ADDRESSES, lambda text: moved_address(text, self._new))
            note(f"the log is at {hosts_of(self._new)}, all keys equal; the old one is closed at {moved.position:,}")
            await restarted(restart, self._mall)
            while not await is_recorded_to(places):  # noqa: ASYNC110 - another process does that
                await asyncio.sleep(POLL_SECONDS)
            forget_origin(self._file, REDIS)
        return Answer(moved=moved, pause_seconds=time.time() - origin.closed_at, addresses=list(map(str, addresses)))

    async def back(self) -> None:
        """Let the old place be the right one again."""
        async with self._places() as places:
            await go_back(places)
            write_addresses(self._file, ADDRESSES, lambda text: moved_address(text, self._old))
            forget_origin(self._file, REDIS)

    @asynccontextmanager
    async def _places(self) -> AsyncGenerator[Places, None]:
        mark = await mark_of(self._rabbitmq_url, self._mall)
        if mark is None:
            raise ToolError(NO_MARK)
        source, target = connect(self._old, name="parkstream-cells"), connect(self._new, name="parkstream-cells")
        try:
            yield Places(self._mall, source, target, mark)
        finally:
            await source.aclose()
            await target.aclose()


def passwords_of(folder: Path, server: str) -> dict[str, str]:
    """Return each role's password of *server* as *folder* keeps them; raise ``ToolError`` when one is missing."""
    files = SecretFiles(folder, writes=False)
    passwords = files.passwords(server)
    if files.changed:
        raise ToolError(NO_SECRETS.format(folder / files.changed[0]))
    return passwords


async def restarted(command: str | None, mall: str) -> None:
    """Start the services of *mall* again with *command*; without one that is asked for."""
    if command is None:
        note(f"restart the services of {mall} now: this waits until one records there (Ctrl-C: run it again)")
        return
    ended = await asyncio.to_thread(subprocess.run, shlex.split(command), check=False)
    if ended.returncode:
        message = f"{command} ended with {ended.returncode}: restart the services, then run this again, or --back"
        raise ToolError(message)


def move_of(  # noqa: PLR0913 - from where to where
    cells: Cells, mall: str, rabbitmq_url: str, redis_url: str, to: str | None, *, back: bool
) -> Move:
    """Return the move of *mall*, which is at *redis_url*, that is asked for or has begun; raise ``ToolError``."""
    named = cells.cell(mall).redis_url_file
    if named is None:
        message = f"{mall} has its address of Redis in {cells.path}: put it into a file, and name that: redis_url_file"
        raise ToolError(message, exit_code=MISUSED)
    file = cells.path.parent / named
    origin = origin_of(file, REDIS)
    if back and origin is None:
        message = f"{mall} is not being moved: there is nothing to go back to"
        raise ToolError(message)
    old = origin.old if origin else redis_url
    if to:
        check_address("redis_url", to)
    new = moved_address(old, to) if to else redis_url
    if new == old:
        message = "say where to: --redis-url redis://HOST:PORT, another one than where it is"
        raise ToolError(message, exit_code=MISUSED)
    return Move(mall, rabbitmq_url, file, old, new)


@contextmanager
def move_errors() -> Generator[None, None, None]:
    """Raise what a person can do about it instead of what a move may raise."""
    try:
        yield
    except SettingsError as error:
        raise ToolError(str(error), exit_code=MISUSED) from error
    except FieldError as error:
        message = f"--{error.field.replace('_', '-')}: {error}"
        raise ToolError(message, exit_code=MISUSED) from error
    except (MoveError, NotEqualError, MessagingError, MisdirectedError) as error:
        raise ToolError(str(error)) from error
    except (RedisError, OSError) as error:
        message = f"{reason(error)}: run it again when that is set right: it goes on"
        raise ToolError(message) from error
