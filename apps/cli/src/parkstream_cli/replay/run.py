"""One run of a replay: rebuild or catch up, compare, switch if asked."""

import time
from collections.abc import Iterable, Sequence

from msgspec import Struct
from parkstream_projection import Comparison, Difference, Versions
from parkstream_telemetry import Telemetry

from parkstream_cli.connections import Opened
from parkstream_cli.errors import MISUSED, ToolError
from parkstream_cli.progress import progress
from parkstream_cli.replay.rebuild import Bulk, SteppingRebuilder, step_by_step, version_to_rebuild
from parkstream_cli.replay.switch import PATIENCE_SECONDS, Switching
from parkstream_cli.replay.trace import ReplayTrace, Traceable, traced

SHOWN_MAX = 5


class Wish(Struct, frozen=True, kw_only=True):
    """What is to be done."""

    version: int | None = None
    rollback: bool = False
    switch: bool = False
    deliver: bool = False
    patience_seconds: float = PATIENCE_SECONDS


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
    """Visits that this version says otherwise."""
    examples: list[dict[str, str]]
    switched: bool


async def replay(it: Opened, wish: Wish, telemetry: Telemetry, bulk: Bulk = step_by_step) -> Result:
    """Do what *wish* says; *bulk* folds what is in the log when it begins."""
    versions = Versions(it.redis, it.keys)
    live = await versions.live()
    version = await _before(versions) if wish.rollback else await version_to_rebuild(versions, wish.version)
    began = time.monotonic()
    with traced(telemetry, version) as trace:
        comparison = Comparison(it.redis, it.keys, live, version)
        rebuilder = await _caught_up(it, version, comparison, trace, bulk)
        await versions.finish(version)
        switching = Switching(
            versions, comparison, rebuilder, live=live, to=version, patience_seconds=wish.patience_seconds
        )
        if wish.switch or wish.rollback:
            compared, switched = await switching.switch(deliver=wish.deliver)
        else:
            compared, switched = await switching.compare(), False
        trace.hash_equal = compared.hash == compared.shown_hash
    return Result(
        version=version,
        live=live,
        checkpoint=compared.checkpoint,
        events=trace.events,
        seconds=round(time.monotonic() - began, 3),
        hash=compared.hash,
        live_hash=compared.shown_hash,
        hash_equal=trace.hash_equal,
        differences=len(compared.differences),
        examples=[_example(one) for one in compared.differences[:SHOWN_MAX]],
        switched=switched,
    )


async def _before(versions: Versions) -> int:
    before = await versions.before()
    if before is None:
        message = "no version was live before: there is nothing to go back to (parkstream replay --list)"
        raise ToolError(message, exit_code=MISUSED)
    return before


async def _caught_up(
    it: Opened, version: int, comparison: Comparison, trace: ReplayTrace, bulk: Bulk
) -> SteppingRebuilder:
    """Return what keeps *version* up with the live one, once it has folded all that there is by now."""
    total = (await it.reads.state()).checkpoint
    with progress(f"rebuilding version {version}", total) as reached:

        def folded(records: Sequence[Traceable], plates: Iterable[str]) -> None:
            trace.folded(records)
            comparison.touched(plates)
            reached(records[-1].position, max(total, records[-1].position))

        await bulk(it, version, folded)
        rebuilder = SteppingRebuilder(it.redis, it.keys, it.log, version, folded)
        await rebuilder.catch_up()
    return rebuilder


def _example(one: Difference) -> dict[str, str]:
    shown, now = (f"{said.outcome.value} #{said.revision}" if said else "nothing" for said in (one.shown, one.now))
    return {"visit_id": one.visit_id, "shown": shown, "now": now}
