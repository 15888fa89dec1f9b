"""Bytes of Redis per car that enters, by part, with all services at their default settings."""

import time
from collections import Counter
from contextlib import ExitStack
from itertools import count

import redis
from msgspec import Struct
from parkstream_devtools import RabbitServer, Sandbox
from parkstream_devtools.overview import overview_of
from parkstream_events.keys import BackendKeys, Database

from benchmarks import stack
from benchmarks.results import Row, say

RATE = "100"
"""Cars a second, so that no gate is silent for long."""
STAY = {"PARKSTREAM_DWELL_MEDIAN_SECONDS": "1", "PARKSTREAM_DWELL_SIGMA": "0"}
ENTRY_GATES, EXIT_GATES = "north=0.6,south=0.4", "east=0.6,west=0.4"
TIMEOUT_SECONDS = 900.0
PARTS = ("log", "outbox", "ids", "plates", "summaries")
"""What grows with each car."""
_keys = BackendKeys(stack.MALL)
_PREFIXES = (
    (_keys.log_ids(0)[:-1], "ids"),
    (_keys.log_ids_brief(0)[:-1], "decisions"),
    (_keys.projection(1, ""), "plates"),
    (_keys.outbox, "outbox"),
    (_keys.log, "log"),
)
"""The first that fits counts."""


class Contents(Struct, frozen=True):
    """What Redis holds: bytes and entries by part, and its memory as a whole."""

    bytes: dict[str, int]
    entries: dict[str, int]
    used: int

    def bytes_each(self, part: str) -> int:
        """Return the bytes of an entry of *part*; 0 without any, as of decisions where few cars come at once."""
        return round(self.bytes[part] / entries) if (entries := self.entries.get(part, 0)) else 0


def measure(sandbox: Sandbox, rabbitmq: RabbitServer, cars: int) -> Row:
    """Let at least *cars* enter and leave, first while nobody delivers; return what Redis holds of one."""
    with ExitStack() as at_work:
        run = at_work.enter_context(stack.run(sandbox, rabbitmq, {}))
        recording = run.backend("record,project", "backend")
        leaving = run.service("parkstream_exit_generator", "exit-generator", PARKSTREAM_GATES=EXIT_GATES, **STAY)
        for service in (recording, leaving):
            at_work.callback(service.kill)
            service.wait_ready()
        began = contents_of(run.redis.url)
        entering = run.service(
            "parkstream_entry_generator", "entry-generator", PARKSTREAM_GATES=ENTRY_GATES, PARKSTREAM_RATE=RATE
        )
        at_work.callback(entering.kill)
        begun = time.monotonic()
        stack.until((_counter(run, "entered") >= cars for _ in count()), f"{cars} cars", TIMEOUT_SECONDS, 0.2)
        entering.terminate()
        stack.until((_counter(run, "inside") == 0 for _ in count()), "all cars have left", TIMEOUT_SECONDS, 0.2)
        waiting = contents_of(run.redis.url)
        delivering = run.backend("deliver", "deliver")
        at_work.callback(delivering.kill)
        stack.until((_waiting(run) == 0 for _ in count()), "all is delivered", TIMEOUT_SECONDS, 0.2)
        row = bytes_of_a_car(began, waiting, contents_of(run.redis.url), _counter(run, "entered"))
    say(f"  {row['cars']:,} cars in {time.monotonic() - begun:.0f} s: {row['bytes']}")
    return row


def contents_of(url: str) -> Contents:
    """Return what the Redis at *url* holds, exactly."""
    sizes: Counter[str] = Counter()
    entries: Counter[str] = Counter()
    used = 0
    for database in Database:
        with redis.Redis.from_url(f"{url}/{database.value}") as client:
            used = int(client.info("memory")["used_memory"])  # type: ignore[index]
            for key in client.scan_iter(count=1_000):
                part = part_of(key.decode(), database)
                sizes[part] += int(client.memory_usage(key, samples=0) or 0)  # type: ignore[arg-type]
                entries[part] += _entries(client, key)
    return Contents(dict(sizes), dict(entries), used)


def part_of(key: str, database: Database) -> str:
    """Return the part that *key* belongs to."""
    if database is Database.SUMMARY_API:
        return "summaries"
    if database is not Database.BACKEND:
        return "generators"
    return next((part for prefix, part in _PREFIXES if key.startswith(prefix)), "other")


def _entries(client: "redis.Redis", key: bytes) -> int:  # type: ignore[type-arg]
    match client.type(key):
        case b"hash":
            return int(client.hlen(key))  # type: ignore[arg-type]
        case b"stream":
            return int(client.xlen(key))  # type: ignore[arg-type]
        case _:
            return 0


def bytes_of_a_car(began: Contents, waiting: Contents, kept: Contents, cars: int) -> Row:
    """Return the bytes of a car; what is left of the memory as a whole grows with nothing."""
    delivered = waiting.bytes["outbox"] - kept.bytes["outbox"]
    grown = {**kept.bytes, "outbox": delivered}
    known = sum(kept.bytes.get(part, 0) for part in (*PARTS, "decisions"))
    return {
        "name": "parkstream",
        "cars": cars,
        "bytes": {part: round((grown[part] - began.bytes.get(part, 0)) / cars) for part in PARTS},
        "record": kept.bytes_each("log"),
        "decision": kept.bytes_each("decisions"),
        "base": kept.used - known,
    }


def _waiting(run: stack.Run) -> int:
    with redis.Redis.from_url(f"{run.redis.url}/0") as client:
        return int(client.xlen(_keys.outbox))  # type: ignore[arg-type]


def _counter(run: stack.Run, name: str) -> int:
    return overview_of(run.redis.url, stack.MALL).counters[name]
