"""Moves a mall to another RabbitMQ while its cameras go on: what waits goes along, and nothing is decided out of order.

In order: the new vhost gets the queues and the mall's mark; the mark at the old one says that the mall was moved, so
that its backends end; the old exchange of sightings is deleted, so that who publishes there is refused; what waits is
taken over, before any backend takes from the new one. The log stays where it is, so both ends may be open at once and
nothing is lost: the way back is the same one, from the new place to the old.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Final, NamedTuple

from aio_pika.abc import AbstractConnection
from aio_pika.exceptions import ChannelClosed, ChannelNotFoundEntity
from msgspec import Struct
from msgspec.structs import replace
from parkstream_events.marks import Mark
from parkstream_events.topology import (
    DEAD_LETTERS_QUEUE,
    ENTERED_KEY,
    EVENTS_EXCHANGE,
    SEEN_ENTERING_QUEUE,
    WORK_QUEUES,
)
from parkstream_messaging.mark_stream import MarkStream, MarkUnreachableError
from parkstream_messaging.nodes import user_of
from parkstream_messaging.queue_transfer import counts_of, transfer, waiting_in
from parkstream_messaging.topology import RECORDED, declare_over
from parkstream_service.settings import hosts_of
from parkstream_service.unreachable import UnreachableError

from parkstream_operations.broker import broker
from parkstream_operations.cells.move import MoveError

QUEUES: Final = (*WORK_QUEUES, DEAD_LETTERS_QUEUE)
POLL_SECONDS: Final = 0.1
FOREIGN: Final = "give the mall a vhost of its own there (parkstream cells move --management makes it)"
AGAIN: Final = "its rights are put right by parkstream cells add "

Progress = Callable[[int, int], None]


class Taken(Struct, kw_only=True):
    """How many messages went over."""

    sightings: int = 0
    dead_letters: int = 0

    @property
    def messages(self) -> int:
        """All of them."""
        return self.sightings + self.dead_letters


class Ends(NamedTuple):
    """The backend's addresses of both RabbitMQ, with the vhost of *mall*."""

    mall: str
    source: str
    target: str


async def prepare(ends: Ends, *, begun: bool) -> None:
    """Let the new vhost have the queues, and the mark of *mall*; raise ``MoveError`` where a move cannot be.

    Unless it has *begun*, the mall must be at the old one.
    """
    async with _marks_at(ends.source) as marks:
        mark = _of_mall(marks.newest, ends.mall, ends.source)
    if mark is None:
        message = "nothing of this mall was ever recorded: change its address instead, in the file of cells"
        raise MoveError(message)
    if mark.closed and not begun:
        message = f"{ends.mall} was moved away from {hosts_of(ends.source)} before: mend its address in the secrets"
        raise MoveError(message)
    if not mark.closed:
        async with broker(ends.source) as connection:  # It is bound: this shows that it may be unbound, too.
            await _bind_copies(connection, ends)
    async with broker(ends.target) as connection, _marks_at(ends.target) as marks:
        there = _of_mall(marks.newest, ends.mall, ends.target)
        if there is None:
            await _check_empty(connection, ends.target)
        elif not there.closed and there.log_id != mark.log_id:
            message = f"{hosts_of(ends.target)} keeps the mark of another log of {ends.mall}, {there.log_id}: {FOREIGN}"
            raise MoveError(message)
        await declare_over(connection, RECORDED)
        await _bind_copies(connection, ends)
        if there is None:
            await marks.claim(replace(mark, moves=0))
            _of_mall(marks.newest, ends.mall, ends.target)
        else:
            await _open(marks, mark)


async def close(ends: Ends, waits: Callable[[str], None]) -> None:
    """Let the old place take nothing more: its backends end, and publishers are refused.

    Calls *waits* with what it waits for. The exit generator's copies go first: a publish that meets half of the
    exchange must not be confirmed by that queue alone.
    """
    async with _marks_at(ends.source) as marks:
        mark = marks.newest
        assert mark is not None, "prepare comes first"
        if not mark.closed:
            await marks.renew(replace(mark, moves=mark.moves + 1))
    async with broker(ends.source) as connection:
        noted = False
        while consumers := sum([(await waiting_in(connection, name)).consumers for name in WORK_QUEUES]):
            if not noted:
                waits(f"{consumers} consumers at {hosts_of(ends.source)}: backends end by themselves, stop the rest")
                noted = True
            await asyncio.sleep(POLL_SECONDS)
        await _unbind_copies(connection)
        async with connection.channel() as channel:
            await channel.exchange_delete(EVENTS_EXCHANGE)


async def take_over(ends: Ends, reached: Progress) -> Taken:
    """Take what waits at the old place to the new one; the mark there then knows all that the old one did."""
    taken = Taken()
    async with broker(ends.source) as source, broker(ends.target) as target:
        for name in QUEUES:
            count = await transfer(source, target, name, user_of(ends.target), reached)
            if name == DEAD_LETTERS_QUEUE:
                taken.dead_letters += count
            else:
                taken.sightings += count
    async with _marks_at(ends.source) as old, _marks_at(ends.target) as new:
        assert old.newest is not None, "prepare comes first"
        await _open(new, old.newest)
    return taken


async def consumed(ends: Ends) -> None:
    """Return when a backend takes sightings from the new place."""
    async with broker(ends.target) as connection:
        while not all([(await counts_of(connection, name)).consumers for name in WORK_QUEUES]):  # noqa: ASYNC110 - others do
            await asyncio.sleep(POLL_SECONDS)


async def copies_left(ends: Ends) -> int:
    """Return how many copies of entries the exit generator has not taken at the old place; they stay there."""
    async with broker(ends.source) as connection:
        try:
            return (await counts_of(connection, SEEN_ENTERING_QUEUE)).messages
        except ChannelNotFoundEntity:
            return 0


async def _open(marks: MarkStream, mark: Mark) -> None:
    """Let *mark* be the newest of *marks*, and the mall be there."""
    newest = marks.newest
    assert newest is not None, "it was claimed"
    await marks.renew(replace(mark, moves=newest.moves + newest.closed))
    if marks.newest is None or marks.newest.closed or marks.newest.log_id != mark.log_id:
        message = f"the RabbitMQ that it is moved to has a later mark, of another log of {mark.mall}: {FOREIGN}"
        raise MoveError(message)


async def _bind_copies(connection: AbstractConnection, ends: Ends) -> None:
    async with connection.channel() as channel:
        try:
            queue = await channel.get_queue(SEEN_ENTERING_QUEUE)
            await queue.bind(EVENTS_EXCHANGE, ENTERED_KEY)
        except ChannelNotFoundEntity:
            return  # There is no exit generator; or no backend has ever declared the exchange.
        except ChannelClosed as error:
            message = f"the backend's user may not bind {SEEN_ENTERING_QUEUE}, as it may since: {AGAIN}{ends.mall}"
            raise MoveError(message) from error


async def _unbind_copies(connection: AbstractConnection) -> None:
    async with connection.channel() as channel:
        try:
            await (await channel.get_queue(SEEN_ENTERING_QUEUE)).unbind(EVENTS_EXCHANGE, ENTERED_KEY)
        except ChannelNotFoundEntity:
            return  # So it is with the exchange deleted already.


async def _check_empty(connection: AbstractConnection, url: str) -> None:
    for name in QUEUES:
        try:
            count = (await waiting_in(connection, name)).messages
        except ChannelNotFoundEntity:
            continue
        if count:
            message = f"{count:,} messages of nobody knows which mall wait in {name} at {hosts_of(url)}: {FOREIGN}"
            raise MoveError(message)


def _of_mall(mark: Mark | None, mall: str, url: str) -> Mark | None:
    if mark is not None and mark.mall != mall:
        message = f"{hosts_of(url)} keeps the mark of the mall {mark.mall!r}: {FOREIGN}"
        raise MoveError(message)
    return mark


@asynccontextmanager
async def _marks_at(url: str) -> AsyncGenerator[MarkStream, None]:
    """Read all marks at *url*, where the stream is made when it is not there; raise ``UnreachableError``."""
    marks = MarkStream(url)
    try:
        await marks.follow()
        if marks.newest is not None:
            await marks.renew(marks.newest)  # It stays the last one, behind what was published to read it.
        yield marks
    except MarkUnreachableError as error:
        raise UnreachableError(url, str(error)) from error
    finally:
        await marks.close()
