"""The steps of ``bench log`` that run in a process of their own: ``python -m benchmarks.log_steps STEP …``."""

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, Final

import redis
from parkstream_eventlog import Record, RedisLog, connect
from parkstream_eventlog.lines import records_of
from parkstream_eventlog.log import DAY_US, DEDUPE_DAYS, digest_of, letter_of
from parkstream_events.keys import BackendKeys
from parkstream_events.sightings import VehicleEntered, VehicleExited, microseconds
from parkstream_projection import Outbox, Projector, fact_of
from parkstream_projection.replay import Rebuilder, Source
from parkstream_visits import Spoken

from benchmarks.stack import MALL

BATCH: Final = 1_000
BEGINS_WITH: Final = {"E": "entered", "X": "exited"}
KEYS: Final = BackendKeys(MALL)


def records_in(file: Path) -> Iterator[list[Record]]:
    """Yield the records that *file* holds as lines, a batch at a time."""
    with file.open("rb") as lines:
        while batch := b"".join(islice(lines, BATCH)):
            yield records_of(batch)


def bring(url: str, file: str) -> dict[str, Any]:
    """Write the records of *file* into an empty log, with the ids of the last days, and their recorded times."""
    known_from = time.time_ns() // 1_000 // DAY_US - DEDUPE_DAYS
    meta: dict[str, int] = {}
    with redis.Redis.from_url(url) as client:
        for records in records_in(Path(file)):
            with client.pipeline(transaction=True) as pipeline:
                for record in records:
                    _write(pipeline, record, meta, known_from)
                pipeline.hset(KEYS.log_meta, mapping=meta)
                pipeline.execute()
    return {"records": meta["position"]}


def _write(pipeline: Any, record: Record, meta: dict[str, int], known_from: int) -> None:  # noqa: ANN401 - of redis-py
    position, type_, id_, body, recorded, published, traceparent = record
    fields = {"type": type_, "id": id_, "body": body, "recorded": recorded}
    pipeline.xadd(
        KEYS.log, {**fields, "published": published or "", "traceparent": traceparent or ""}, id=f"{position}-0"
    )
    meta |= {"position": position, "recorded_at_us": recorded}
    letter = letter_of(type_)
    if direction := BEGINS_WITH.get(letter):
        meta |= {f"{direction}_position": position, f"{direction}_at_us": recorded}
    day = _happened_at_us(record) // DAY_US
    if day >= known_from:
        pipeline.hset(KEYS.log_ids(day), f"{letter}:{id_}", digest_of(body) + str(position).encode())


def _happened_at_us(record: Record) -> int:
    event = fact_of(record).event
    return (
        microseconds(event.happened_at) if isinstance(event, VehicleEntered | VehicleExited) else record.recorded_at_us
    )


async def project(url: str, through: str) -> dict[str, Any]:
    """Let the live version take in the log up to *through*, as the backend does, with what it says delivered."""
    client = connect(url)
    log, outbox, projector = RedisLog(client, KEYS), Outbox(client, KEYS), Projector(client, KEYS)
    position, seconds = await projector.load(), 0.0
    while position < int(through):
        begun = time.perf_counter()
        step = await projector.step(await log.read(position, min(BATCH, int(through) - position)))
        seconds += time.perf_counter() - begun
        position = step.position
        await outbox.settle(_outbox_ids(step.spoken))
    await client.aclose()
    return {"seconds": seconds, "hash": projector.state_hash}


def _outbox_ids(spoken: list[Spoken]) -> list[str]:
    ids: list[str] = []
    position, nth = 0, 0
    for one in spoken:
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


STEPS: Final[dict[str, Callable[..., Any]]] = {"bring": bring, "project": project, "rebuild": rebuild}


def main(step: str, *arguments: str) -> None:
    """Take one step and print what it came to."""
    answer = STEPS[step](*arguments)
    result = asyncio.run(answer) if isinstance(answer, Awaitable) else answer
    print(json.dumps(result))


if __name__ == "__main__":
    main(*sys.argv[1:])
