"""Bytes of Redis per car, by part, with all services at their default settings; and what a mall needs for ever."""

import time
from collections import Counter
from contextlib import ExitStack
from itertools import count

import redis
from msgspec import Struct
from parkstream_devtools import RabbitServer, Sandbox
from parkstream_events.keys import BackendKeys, Database

from benchmarks import stack
from benchmarks.results import Row, say

RATE = "100"
"""Cars a second: nobody is silent, so decisions are left out; they have a part of their own."""
STAY = {"PARKSTREAM_DWELL_MEDIAN_SECONDS": "1", "PARKSTREAM_DWELL_SIGMA": "0"}
GATES = {"PARKSTREAM_ENTRY_GATES": "north,south", "PARKSTREAM_EXIT_GATES": "east,west"}
TIMEOUT_SECONDS = 900.0
LAST_CARS = 100
"""So many may still be inside, or on their way, when it is measured."""
PARTS = ("log", "outbox", "ids", "decisions", "plates", "summaries", "generators")
_keys = BackendKeys(stack.MALL)
_PREFIXES = {
    "log": (_keys.log_ids(0)[:-1], "ids"),
    "brief": (_keys.log_ids_brief(0)[:-1], "decisions"),
    "outbox": (_keys.outbox, "outbox"),
    "stream": (_keys.log, "log"),
    "projection": (_keys.projection(1, ""), "plates"),
}


class Held(Struct, frozen=True):
    """What Redis holds: bytes and things by part."""

    bytes: dict[str, int]
    things: dict[str, int]


def measure(sandbox: Sandbox, rabbitmq: RabbitServer, cars: int) -> Row:
    """Let *cars* enter and leave, first while nobody delivers; return the bytes of one by part."""
    with ExitStack() as at_work:
        run = at_work.enter_context(stack.run(sandbox, rabbitmq, GATES))
        began = _used(run.redis.url)
        recording = run.backend("record,project", "backend")
        leaving = run.service("parkstream_exit_generator", "exit-generator", **STAY)
        for service in (recording, leaving):
            at_work.callback(service.kill)
            service.wait_ready()
        entering = run.service("parkstream_entry_generator", "entry-generator", PARKSTREAM_RATE=RATE)
        at_work.callback(entering.kill)
        begun = time.monotonic()
        stack.until((_plates(run) >= cars for _ in count()), f"{cars} cars", TIMEOUT_SECONDS, 0.2)
        entering.terminate()
        waiting = held(run.redis.url)
        delivering = run.backend("deliver", "deliver")
        at_work.callback(delivering.kill)
        stack.until((_waiting(run) == 0 for _ in count()), "all is delivered", TIMEOUT_SECONDS, 0.2)
        kept = held(run.redis.url)
        row = _row(kept, waiting, _used(run.redis.url) - began)
    say(f"  {row['cars']:,} cars in {time.monotonic() - begun:.0f} s: {row['bytes']}")
    return row


def held(url: str) -> Held:
    """Return what the Redis at *url* holds, exactly."""
    sizes: Counter[str] = Counter()
    things: Counter[str] = Counter()
    for database in Database:
        with redis.Redis.from_url(f"{url}/{database.value}") as client:
            for key in client.scan_iter(count=1_000):
                part = part_of(key.decode(), database)
                sizes[part] += int(client.memory_usage(key, samples=0) or 0)
                things[part] += _count(client, key)
    return Held(dict(sizes), dict(things))


def part_of(key: str, database: Database) -> str:
    """Return the part that *key* belongs to."""
    if database is Database.SUMMARY_API:
        return "summaries"
    if database is not Database.BACKEND:
        return "generators"
    return next((part for prefix, part in _PREFIXES.values() if key.startswith(prefix)), "other")


def _count(client: "redis.Redis[bytes]", key: bytes) -> int:
    match client.type(key):
        case b"hash":
            return int(client.hlen(key))
        case b"stream":
            return int(client.xlen(key))
        case _:
            return 0


def _row(kept: Held, waiting: Held, used: int) -> Row:
    with_timers = kept.bytes["plates"]
    cars = kept.things["plates"]
    return {
        "name": "parkstream",
        "cars": cars,
        "bytes": {
            "log": round(2 * kept.bytes["log"] / kept.things["log"]),
            "outbox": round(waiting.bytes["outbox"] / waiting.things["outbox"]),
            "ids": round(2 * kept.bytes["ids"] / kept.things["ids"]),
            "decisions": round(kept.bytes.get("decisions", 0) / max(1, kept.things.get("decisions", 1))),
            "plates": round(with_timers / cars),
            "summaries": round(kept.bytes["summaries"] / kept.things["summaries"]),
            "generators": kept.bytes["generators"],
        },
        "used_per_car": round(used / cars),
    }


def _plates(run: stack.Run) -> int:
    with redis.Redis.from_url(f"{run.redis.url}/0") as client:
        return int(client.hlen(_keys.projection(1, "plates")))


def _waiting(run: stack.Run) -> int:
    with redis.Redis.from_url(f"{run.redis.url}/0") as client:
        return int(client.xlen(_keys.outbox))


def _used(url: str) -> int:
    with redis.Redis.from_url(url) as client:
        return int(client.info("memory")["used_memory"])
