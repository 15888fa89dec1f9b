"""Which versions of the projection there are, which is live, and how another becomes it."""

from collections.abc import Sequence
from typing import Any, Final

from msgspec import Struct
from parkstream_eventlog import Writer
from parkstream_eventlog.guarded_functions import GuardedFunctions
from parkstream_eventlog.log import DEDUPE_DAYS, digest_of
from parkstream_eventlog.writer import refusal_of, writer_here
from parkstream_events import wire
from parkstream_events.decisions import VisitsRestated
from parkstream_events.keys import BackendKeys
from parkstream_events.units import DAY_US
from parkstream_visits import Timer
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from parkstream_projection.functions import SWITCHING
from parkstream_projection.store import FIRST_VERSION, ProjectionError

SWITCHED: Final = 0
OTHER_LIVE: Final = 1
OTHER_CHECKPOINT: Final = 2
OTHER_POSITION: Final = 3
NO_VERSION: Final = 4


class Version(Struct, frozen=True):
    """A version of the projection; the *live* one answers and emits, the one *before* can be gone back to."""

    number: int
    checkpoint: int
    state_hash: str | None
    rules_version: int | None
    live: bool
    before: bool
    rebuilt: bool
    """Whether it has caught up with the live one; else its rebuild was interrupted."""


class NoVersionError(ProjectionError):
    """There is no version of that *number*."""

    def __init__(self, number: int) -> None:
        super().__init__(
            f"there is no version {number} of the projection: parkstream replay --list shows those there are"
        )
        self.number = number


class LiveVersionError(ProjectionError):
    """The live version cannot be dropped, nor rebuilt, nor made live."""

    def __init__(self, number: int) -> None:
        super().__init__(f"version {number} of the projection is the live one: make another live first")
        self.number = number


class OtherLiveError(ProjectionError):
    """Somebody else has made another version live meanwhile."""

    def __init__(self, expected: int) -> None:
        super().__init__(f"version {expected} of the projection is not the live one any more: look again with --list")
        self.expected = expected


class NoEarlierVersionError(ProjectionError):
    """No version was live before."""

    def __init__(self) -> None:
        super().__init__("no version was live before: there is nothing to go back to (parkstream replay --list)")


class Versions:
    """The versions in *redis*, whose client must not repeat commands by itself; see ``RedisLog`` for *writer*."""

    def __init__(
        self, redis: Redis, keys: BackendKeys, *, writer: Writer | None = None, dedupe_days: int = DEDUPE_DAYS
    ) -> None:
        self._functions = GuardedFunctions(redis, SWITCHING, keys, writer)
        self._keys = keys
        self._writer = writer
        self._dedupe_days = dedupe_days

    async def live(self) -> int:
        """Return the number of the live one."""
        return (await self._state())[0]

    async def before(self) -> int | None:
        """Return the number of the one that was live before, if it is there still."""
        return (await self._state())[1]

    async def all(self) -> list[Version]:
        """Return all versions, by number."""
        live, before = await self._state()
        numbers: list[bytes] = await self._functions.execute("SMEMBERS", self._keys.projections)
        return [await self._version(number, live, before) for number in sorted({live, *map(int, numbers)})]

    async def begin(self) -> int:
        """Return the number of a new version, which is empty."""
        return int(await self._functions.write("begin", (self._keys.projections, self._keys.outbox_meta), ()))

    async def to_rebuild(self, wanted: int | None = None) -> int:
        """Return the version *wanted*, or the one whose rebuild was interrupted last, or a new one.

        Raises ``NoVersionError`` and ``LiveVersionError``.
        """
        there = await self.all()
        if wanted is not None:
            found = next((version for version in there if version.number == wanted), None)
            if found is None:
                raise NoVersionError(wanted)
            if found.live:
                raise LiveVersionError(wanted)
            return wanted
        interrupted = [version.number for version in there if not version.rebuilt]
        return interrupted[-1] if interrupted else await self.begin()

    async def to_go_back_to(self) -> int:
        """Return the version that was live before; raise ``NoEarlierVersionError`` when none was."""
        before = await self.before()
        if before is None:
            raise NoEarlierVersionError
        return before

    async def finish(self, number: int) -> None:
        """Note that the version has caught up."""
        keys = (self._keys.projections, self._keys.projection(number, "meta"))
        if not await self._functions.write("finish", keys, (number,)):
            raise NoVersionError(number)

    async def drop(self, number: int) -> None:
        """Remove all of a version; raise ``LiveVersionError`` for the live one, ``NoVersionError`` for none."""
        if number not in {version.number for version in await self.all()}:
            raise NoVersionError(number)
        timers = [f"timers:{way.value}" for way in Timer]
        kept = [self._keys.projection(number, name) for name in ("meta", "plates", "hashes", *timers)]
        keys = (self._keys.projections, self._keys.outbox_meta, *kept)
        if not await self._functions.write("drop", keys, (number,)):
            raise LiveVersionError(number)

    async def switch(self, live: int, to: int, checkpoint: int, decisions: Sequence[VisitsRestated] = ()) -> bool:
        """Make *to* live instead of *live* if both are at *checkpoint*, else return False.

        With *decisions* that must be the end of the log too, which they are appended to in the same step. Raises
        ``OtherLiveError`` and ``NoVersionError``.
        """
        keys = self._keys
        seconds, _ = await self._functions.execute("TIME")
        newest_day = int(seconds) * 1_000_000 // DAY_US + 1
        metas = (keys.projection(live, "meta"), keys.projection(to, "meta"))
        buckets = (keys.log_ids(newest_day), keys.log_ids(newest_day - 1))
        touched = (keys.projections, keys.outbox_meta, *metas, keys.log, keys.log_meta, *buckets)
        writer = self._writer = self._writer or await writer_here(self._functions.execute, keys)
        caller = writer.caller()
        arguments: list[Any] = [
            *caller,
            *(live, to, checkpoint, self._dedupe_days, newest_day, int(bool(decisions))),
        ]
        for decision in decisions:
            body = wire.encode(decision)
            arguments += (wire.type_of(decision), decision.id, body, digest_of(body))
        try:
            outcome, _ = await self._functions.call("switch", touched, arguments)
        except ResponseError as error:
            raise refusal_of(error, caller) or error from None
        if outcome == OTHER_LIVE:
            raise OtherLiveError(live)
        if outcome == NO_VERSION:
            raise NoVersionError(to)
        return bool(outcome == SWITCHED)

    async def ask_for_quiet(self, seconds: float) -> None:
        """Have backends leave events in RabbitMQ for so long, or no longer, that two versions can meet."""
        await self._functions.write("quiet", (self._keys.outbox_meta,), (round(seconds * 1_000_000),))

    async def is_quiet(self) -> bool:
        """Return whether somebody has asked for quiet."""
        asked = ("HGET", self._keys.outbox_meta, "quiet_until_us")
        until_us, (seconds, microseconds) = await self._functions.at_once(asked, ("TIME",))
        return int(until_us or 0) > int(seconds) * 1_000_000 + int(microseconds)

    async def _state(self) -> tuple[int, int | None]:
        live, before = await self._functions.execute("HMGET", self._keys.outbox_meta, "live", "before")
        return int(live or FIRST_VERSION), int(before) if before else None

    async def _version(self, number: int, live: int, before: int | None) -> Version:
        names = ("checkpoint", "state_hash", "rules_version", "rebuilt")
        meta: list[bytes | None] = await self._functions.execute("HMGET", self._keys.projection(number, "meta"), *names)
        checkpoint, state_hash, rules_version, rebuilt = meta
        return Version(
            number,
            int(checkpoint or 0),
            state_hash.decode() if state_hash else None,
            int(rules_version) if rules_version else None,
            live=number == live,
            before=number == before,
            rebuilt=number in {live, before} or rebuilt is not None,
        )
