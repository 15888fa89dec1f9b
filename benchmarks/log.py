"""Seconds to import, project, check, rebuild and verify the log of a year of a mall."""

import json
import os
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import psutil
import redis
from parkstream_devtools import RedisServer, Sandbox
from parkstream_eventlog.transfer.json_lines import line_of

from benchmarks import history
from benchmarks.results import Row, say
from benchmarks.stack import MALL, python

SMALL: Final = 100_000
"""The size at which memory is read first: 37 days, so the week after which visits are forgotten is over."""
COMPARED: Final = 200_000
OTHER_VERSION: Final = "2"
COLUMNS: Final = (
    "events",
    "check_seconds",
    "rebuild_seconds",
    "verify_seconds",
    "hash_equal",
    "rss_mib_1m",
    "check_to_lists",
    "check_to_eventsourcing",
)
PROMISED: Final = (
    "events",
    "check_seconds",
    "rebuild_seconds",
    "verify_seconds",
    "hash_equal",
    "rss_mib_100k",
    "rss_mib_1m",
    "redis_bytes_per_event",
)
"""Stand beside the results, too."""
LOOK_SECONDS: Final = 0.05
MIB: Final = 2**20


def measure(events: int) -> Row:
    """Take all steps with *events* records."""
    with Sandbox() as sandbox:
        file = sandbox.folder / "history.jsonl"
        write(file, events)
        run = _Run(sandbox.redis(), file, events)
        live = run.projected()
        row: Row = {"name": "parkstream", "events": events, **live, **run.checked(), **run.rebuilt(), **run.verified()}
        hashes = {row.pop(name) for name in ("live_hash", "check_hash", "rebuild_hash")}
        row["hash_equal"] = row["hash_equal"] and len(hashes) == 1
        return {**row, **run.compared()}


def write(file: Path, events: int) -> None:
    """Write the history of a mall as ``parkstream log export`` would."""
    say(f"  a history of {events:,} records")
    with file.open("wb") as lines:
        lines.writelines(map(line_of, history.records(events, time.time_ns() // 1_000)))


class _Run:
    """One Redis with a history in it, and what is measured of it."""

    def __init__(self, server: RedisServer, file: Path, events: int) -> None:
        self._server = server
        self._file = file
        self._events = events
        self._environ = {**os.environ, "PARKSTREAM_REDIS_URL": server.url, "PARKSTREAM_MALL": MALL}
        self._rss_mib_small = 0.0
        say("  into the log")
        begun = time.perf_counter()
        self._run(["parkstream", "log", "import", str(file), "--json"])
        self._import_seconds = round(time.perf_counter() - begun, 2)

    def projected(self) -> Row:
        """Let the live version take it all in, looking at the memory of a check on the way."""
        say("  projected")
        small = min(SMALL, self._events)
        before = self._step("project", self._server.url, str(small))
        check, self._rss_mib_small = self._check()
        after = self._step("project", self._server.url, str(self._events))
        seconds = before["seconds"] + after["seconds"]
        used = _info(self._server.url, "memory")["used_memory_dataset"]
        return {
            "import_seconds": self._import_seconds,
            "live_projector_seconds": round(seconds, 2),
            "live_hash": after["hash"],
            "hash_equal": check["hash_equal"],
            "redis_bytes_per_event": round(used / self._events, 1),
        }

    def checked(self) -> Row:
        """Check in a fresh process."""
        say("  checked")
        check, rss_mib = self._check()
        return {
            "check_seconds": check["seconds"],
            "check_cpu_seconds": check["cpu_seconds"],
            "check_hash": check["hash"],
            "hash_equal": check["hash_equal"],
            "rss_mib_100k": self._rss_mib_small,
            "rss_mib_1m": rss_mib,
        }

    def rebuilt(self) -> Row:
        """Rebuild another version in a fresh process."""
        say("  rebuilt")
        with _commits(self._server.url) as commits_ms:
            rebuilt = self._step("rebuild", self._server.url, OTHER_VERSION)
        return {
            "rebuild_seconds": round(rebuilt["seconds"], 2),
            "rebuild_hash": rebuilt["hash"],
            "commit_ms": commits_ms,
        }

    def verified(self) -> Row:
        """Verify with the command, in a fresh process."""
        say("  verified")
        begun = time.perf_counter()
        self._run(["parkstream", "log", "verify", "--json"])
        return {"verify_seconds": round(time.perf_counter() - begun, 2)}

    def compared(self) -> Row:
        """Fold over plain lists and over the eventsourcing library, and say what a check costs beside them."""
        say("  compared")
        events = min(COMPARED, self._events)
        found = self._run(python("-m", "benchmarks.log_compared", str(self._file), str(events)))
        check = self._run(["parkstream", "replay", "--check", "--to", str(events), "--json"])
        seconds = {**found["seconds"], "check": check["seconds"]}
        return {
            "compared_events": events,
            "compared_seconds": {name: round(one, 2) for name, one in seconds.items()},
            "check_to_lists": round(seconds["check"] / seconds["lists"], 2),
            "check_to_eventsourcing": round(seconds["check"] / seconds["eventsourcing"], 2),
        }

    def _check(self) -> tuple[Any, float]:
        """Return what a check answers, its CPU time in it, and the most memory that its processes had at once."""
        process = subprocess.Popen(
            ["parkstream", "replay", "--check", "--json"], env=self._environ, stdout=subprocess.PIPE
        )
        most, cpu_seconds = 0, 0.0
        while process.poll() is None:
            memory, used = _usage(process.pid)
            most, cpu_seconds = max(most, memory), max(cpu_seconds, used)
            time.sleep(LOOK_SECONDS)
        answer, _ = process.communicate()
        return {**json.loads(answer), "cpu_seconds": round(cpu_seconds, 2)}, round(most / MIB, 1)

    def _step(self, *arguments: str) -> Any:  # noqa: ANN401 - JSON
        return self._run(python("-m", "benchmarks.log_steps", *arguments))

    def _run(self, command: Sequence[str]) -> Any:  # noqa: ANN401
        done = subprocess.run(command, env=self._environ, stdout=subprocess.PIPE, check=True)
        return json.loads(done.stdout)


def _usage(pid: int) -> tuple[int, float]:
    """Return the memory that the process *pid* and its children have, and the CPU time that they have used."""
    memory, used = 0, 0.0
    try:
        first = psutil.Process(pid)
        for process in (first, *first.children(recursive=True)):
            memory += process.memory_info().rss
            times = process.cpu_times()
            used += times.user + times.system
    except psutil.NoSuchProcess:
        return 0, 0.0
    return memory, used


def _info(url: str, section: str) -> Any:  # noqa: ANN401 - what Redis says
    with redis.Redis.from_url(url) as client:
        return client.info(section)


@contextmanager
def _commits(url: str) -> Iterator[dict[str, float]]:
    """Yield what will say for how long calls of functions stopped Redis meanwhile, in milliseconds."""
    found: dict[str, float] = {}
    with redis.Redis.from_url(url) as client:
        client.config_set("slowlog-log-slower-than", 100)
        client.config_set("slowlog-max-len", 100_000)
        client.slowlog_reset()
        yield found
        calls: Any = client.slowlog_get(100_000)
        took = sorted(
            call["duration"] / 1_000 for call in calls if call["command"].startswith(b"FCALL parkstream_commit")
        )
        client.slowlog_reset()
    found |= {"p50": took[len(took) // 2], "p99": took[len(took) * 99 // 100], "max": took[-1]} if took else {}
