"""One run of a replay: rebuild or catch up, compare, switch if asked."""

import time
from collections.abc import Callable, Iterable

from msgspec import Struct

from parkstream_projection.comparison import Comparison
from parkstream_projection.differences import Difference
from parkstream_projection.opened import Opened
from parkstream_projection.rebuild.frames import Batch
from parkstream_projection.rebuild.rebuilder import Rebuilder
from parkstream_projection.rebuild.source import Source
from parkstream_projection.rebuild.switch import PATIENCE_SECONDS, Switch
from parkstream_projection.versions import Versions

SHOWN_MAX = 5


class Wish(Struct, frozen=True, kw_only=True):
    """What is to be done; *patience_seconds*: how long two versions may take to meet."""

    version: int | None = None
    rollback: bool = False
    switch: bool = False
    deliver: bool = False
    patience_seconds: float = PATIENCE_SECONDS

    async def target(self, versions: Versions) -> int:
        """Return the version that it is about; a new one is begun if need be."""
        return await (versions.to_go_back_to() if self.rollback else versions.to_rebuild(self.version))


class Result(Struct, frozen=True, kw_only=True):
    """What came of it; ``hash`` and ``live_hash`` are of the same ``checkpoint``."""

    version: int
    live: int
    """The version that was live until then."""
    checkpoint: int
    events: int
    """Records that this run folded."""
    seconds: float
    hash: str
    live_hash: str
    hash_equal: bool
    differences: int
    """Visits that this version states differently."""
    examples: list[dict[str, str]]
    switched: bool


async def replay(it: Opened, source: Source, version: int, wish: Wish, folded: Callable[[Batch], None]) -> Result:
    """Fold *source* into *version*, which is the target of *wish*, and do the rest of it; *folded* gets each batch."""
    versions = Versions(it.redis, it.keys, writer=it.writer)
    live = await versions.live()
    comparison = Comparison(it.redis, it.keys, live, version)
    began, events = time.monotonic(), 0

    def batch_folded(batch: Batch, plates: Iterable[str]) -> None:
        nonlocal events
        events += batch.last - batch.first + 1
        comparison.touched(plates)
        folded(batch)

    rebuilder = Rebuilder(source, it.redis, it.keys, version, folded=batch_folded, writer=it.writer)
    async with rebuilder:
        while (await rebuilder.catch_up()).events:
            pass  # Events were recorded meanwhile.
        await versions.finish(version)
        switch = Switch(versions, comparison, rebuilder, live=live, to=version, patience_seconds=wish.patience_seconds)
        if wish.switch or wish.rollback:
            compared, switched = await switch.switch(deliver=wish.deliver)
        else:
            compared, switched = await switch.compare(), False
    return Result(
        version=version,
        live=live,
        checkpoint=compared.checkpoint,
        events=events,
        seconds=round(time.monotonic() - began, 3),
        hash=compared.hash,
        live_hash=compared.shown_hash,
        hash_equal=compared.hash == compared.shown_hash,
        differences=len(compared.differences),
        examples=[_example(one) for one in compared.differences[:SHOWN_MAX]],
        switched=switched,
    )


def _example(one: Difference) -> dict[str, str]:
    shown, now = (
        f"{summary.outcome.value} #{summary.revision}" if summary else "nothing" for summary in (one.shown, one.now)
    )
    return {"visit_id": one.visit_id, "shown": shown, "now": now}
