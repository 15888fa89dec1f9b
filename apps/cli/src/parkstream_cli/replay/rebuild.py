"""A version of the projection beside the live one, folded from the log up to where that has got."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Final, Protocol

from parkstream_eventlog import EventLog, Record
from parkstream_events.keys import BackendKeys
from parkstream_projection import LiveVersionError, NoVersionError, Projector, Reads, StaleError, Step, Versions
from parkstream_projection.replay import Batch, Source
from parkstream_projection.replay import Rebuilder as BulkRebuilder
from parkstream_visits import Unreadable
from redis.asyncio import Redis

from parkstream_cli.connections import Opened
from parkstream_cli.errors import ToolError
from parkstream_cli.replay.trace import Traceable

BATCH: Final = 1_000

Folded = Callable[[Sequence[Traceable], Iterable[str]], None]
"""Is told which records were folded, and which plates that may have changed."""


class Rebuilder(Protocol):
    """Folds the log into one version of the projection, silently."""

    async def catch_up(self) -> int:
        """Fold what the live version has taken in by now, and return how far that is; may be called again."""
        ...


class SteppingRebuilder:
    """A ``Rebuilder`` that commits batch by batch, so that it may be killed anywhere and go on there."""

    def __init__(self, redis: Redis, keys: BackendKeys, log: EventLog, version: int, folded: Folded) -> None:
        self._projector = Projector(redis, keys, version=version)
        self._live = Reads(redis, keys)
        self._log = log
        self._version = version
        self._folded = folded
        self._checkpoint: int | None = None

    async def catch_up(self) -> int:
        """See ``Rebuilder.catch_up``."""
        if self._checkpoint is None:
            self._checkpoint = await self._projector.load()
        while (through := (await self._live.state()).checkpoint) > self._checkpoint:
            records = await self._log.read(self._checkpoint, min(BATCH, through - self._checkpoint))
            step = await self._step(records)
            self._checkpoint = step.position
            self._folded(records, plates_of(step))
        return self._checkpoint

    async def _step(self, records: Sequence[Record]) -> Step:
        try:
            return await self._projector.step(records)
        except StaleError as error:
            message = f"another replay is at work on version {self._version}: wait for it, or stop it"
            raise ToolError(message) from error


Bulk = Callable[[Opened, int, Folded], Awaitable[None]]
"""Folds most of the log into a version, at once and fast; a ``Rebuilder`` goes on from there."""


def in_bulk(source: Source) -> Bulk:
    """Return what folds *source* by two processes, with the whole state in memory."""

    async def bulk(it: Opened, version: int, folded: Folded) -> None:
        def batch_folded(batch: Batch, plates: Iterable[str]) -> None:
            folded([one for run in batch.runs() for one in in_order(batch, run)], plates)

        async with BulkRebuilder(source, it.redis, it.keys, version, folded=batch_folded) as rebuilder:
            await rebuilder.catch_up()

    return bulk


def in_order(batch: Batch, run: tuple[int, int, Record | None]) -> list[Traceable]:
    """Return one *run* of *batch*: sightings, and the other record that comes after them."""
    start, end, other = run
    seen: list[Traceable] = [*batch.sightings[start:end]]
    return seen if other is None else [*seen, other]


async def step_by_step(_it: Opened, _version: int, _folded: Folded) -> None:
    """Leave all of it to the ``Rebuilder``."""


def plates_of(step: Step) -> set[str]:
    """Return the plates that *step* has changed, those aside that only became final."""
    seen = {getattr(fact.event, "vehicle_plate", "") for fact in step.events if not isinstance(fact.event, Unreadable)}
    return (seen | {one.plate for one in step.revisions}) - {""}


async def version_to_rebuild(versions: Versions, wanted: int | None) -> int:
    """Return the version *wanted*, or the one whose rebuild was interrupted last, or a new one."""
    there = await versions.all()
    if wanted is not None:
        found = next((version for version in there if version.number == wanted), None)
        if found is None:
            raise NoVersionError(wanted)
        if found.live:
            raise LiveVersionError(wanted)
        return wanted
    interrupted = [version.number for version in there if not version.rebuilt]
    return interrupted[-1] if interrupted else await versions.begin()
