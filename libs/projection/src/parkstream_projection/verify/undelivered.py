"""Summaries that were emitted and are not delivered: in the outbox, or parked."""

from collections.abc import AsyncIterator
from typing import Final

from parkstream_eventlog.verify import Finding, Findings
from parkstream_events.keys import BackendKeys
from parkstream_service.redis import Functions
from redis.asyncio import Redis

from parkstream_projection.functions import PROJECTING
from parkstream_projection.outbox import Outbox
from parkstream_projection.verify.contents import Content, Pair, content_of, pair_of, position_of

BATCH_MAX: Final = 1_000


class Waiting:
    """What waits: bounded, because recording pauses when the outbox is full."""

    def __init__(self) -> None:
        self._kept: dict[Pair, tuple[int, int]] = {}
        self._unmet: set[Pair] = set()
        self._other: list[Content] = []

    def __contains__(self, pair: object) -> bool:
        return pair in self._kept

    def keep(self, pair: Pair, item: bytes) -> None:
        """Note that *item* waits, the summary of *pair*."""
        content = content_of(item)
        self._kept[pair] = (position_of(content), hash(content)) if content else (0, 0)
        self._unmet.add(pair)

    def met(self, content: Content) -> bool:
        """Whether *content*, which the log says, waits."""
        pair = pair_of(content)
        kept = self._kept.get(pair)
        if kept is None:
            return False
        self._unmet.discard(pair)
        if kept[1] != hash(content):
            self._other.append(content)
        return True

    def check(self, positions: range, findings: Findings) -> None:
        """Find what waits and is not what the log says at *positions*."""
        advice = "something wrote past the projection's function: remove the entry, and find its writer"
        for content in (content for content in self._other if position_of(content) in positions):
            found = f"revision {content[1]} of {content[0]!r} waits to be delivered, but the log says it otherwise"
            findings.add(Finding("waiting_differs", found, advice, position_of(content)))
        for pair in sorted(self._unmet):
            position = self._kept[pair][0]
            if position in positions:
                found = f"revision {pair[1]} of {pair[0]!r} waits to be delivered, but the log does not say it"
                findings.add(Finding("waiting_extra", found, advice, position))


async def read_waiting(outbox: Outbox, redis: Redis, keys: BackendKeys) -> Waiting:
    """Return what waits in *outbox*, and what is parked: asked twice, because a redrive moves it."""
    waiting = Waiting()
    await _add_parked(outbox, waiting)
    async for visit_id, revision, item in _entries(redis, keys):
        waiting.keep((visit_id, revision), item)
    await _add_parked(outbox, waiting)
    return waiting


async def _add_parked(outbox: Outbox, waiting: Waiting) -> None:
    async for one in outbox.every_parked():
        waiting.keep((one.key, one.revision), bytes(one.item))


async def _entries(redis: Redis, keys: BackendKeys) -> AsyncIterator[tuple[str, int, bytes]]:
    functions, after = Functions(redis, PROJECTING), b"-"
    while entries := await functions.execute("XRANGE", keys.outbox, after, "+", "COUNT", BATCH_MAX):
        for id_, fields in entries:
            _, visit_id, _, revision, _, item, *_ = fields
            after = b"(" + id_
            yield visit_id.decode(), int(revision), item
