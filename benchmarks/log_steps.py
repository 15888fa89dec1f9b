"""The steps of ``bench log`` that run in a process of their own: ``python -m benchmarks.log_steps STEP …``."""

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, Final

from parkstream_eventlog import Record, RedisReader
from parkstream_eventlog.transfer.json_lines import records_of
from parkstream_events.keys import BackendKeys
from parkstream_projection import Outbox, Projector
from parkstream_projection.rebuild import Rebuilder, Source
from parkstream_projection.visits import VISITS
from parkstream_service.redis import connect
from parkstream_visits import Emitted

from benchmarks.stack import MALL

BATCH: Final = 1_000
KEYS: Final = BackendKeys(MALL)


def records_in(file: Path) -> Iterator[list[Record]]:
    """Yield the records that *file* holds as lines, a batch at a time."""
    with file.open("rb") as lines:
        while batch := b"".join(islice(lines, BATCH)):
            yield records_of(batch)


async def project(url: str, through: str) -> dict[str, Any]:
    """Let the live version take in the log up to *through*, as the backend does, with what it says delivered."""
    client = connect(url)
    log, outbox, projector = RedisReader(client, KEYS), Outbox(client, KEYS), Projector(client, KEYS, VISITS)
    position, seconds = await projector.load(), 0.0
    while position < int(through):
        begun = time.perf_counter()
        step = await projector.step(await log.read(position, min(BATCH, int(through) - position)))
        seconds += time.perf_counter() - begun
        position = step.position
        await outbox.settle(_outbox_ids(step.revisions))
    await client.aclose()
    return {"seconds": seconds, "hash": projector.state_hash}


def _outbox_ids(emitted: list[Emitted]) -> list[str]:
    ids: list[str] = []
    position, nth = 0, 0
    for one in emitted:
        position, nth = one.position, nth + 1 if one.position == position else 0
        ids.append(f"{position}-{nth}")
    return ids


async def rebuild(url: str, version: str) -> dict[str, Any]:
    """Rebuild *version* beside the live one."""
    client = connect(url)
    begun = time.perf_counter()
    async with Rebuilder(Source(url, MALL), client, KEYS, int(version)) as rebuilder:
        rebuilt = await rebuilder.catch_up()
    await client.aclose()
    return {"seconds": time.perf_counter() - begun, "events": rebuilt.events, "hash": rebuilt.state_hash}


STEPS: Final[dict[str, Callable[..., Awaitable[dict[str, Any]]]]] = {"project": project, "rebuild": rebuild}


def main(step: str, *arguments: str) -> None:
    """Take one step and print what it came to."""
    print(json.dumps(asyncio.run(_answer(STEPS[step](*arguments)))))


async def _answer(step: Awaitable[dict[str, Any]]) -> dict[str, Any]:
    return await step


if __name__ == "__main__":
    main(*sys.argv[1:])
