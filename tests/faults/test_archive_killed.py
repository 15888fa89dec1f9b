"""kill -9 of the real commands before every step that they take: nothing is lost, and the next run finishes."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from itertools import count, islice
from pathlib import Path

import pytest
from archives import archive_through, files_in, indexes_in, make_steps_small, named_in
from eventlog_stores import RedisStore, entered
from parkstream_eventlog import Record
from parkstream_eventlog.archive import Archive, SpanningLog, defects_of, manifest
from parkstream_eventlog.archive.durable import WRITING
from parkstream_eventlog.archive.index import INDEX_SUFFIX

RECORDS = 10
KILLED = -9
NEVER = 1_000_000

Run = Callable[..., int]
SUPPORT = Path(__file__).parents[1] / "support"


@pytest.fixture
def run_until(redis_url: str) -> Iterator[Run]:
    """Run a command on a mall and a folder until a step, and return its exit code."""
    environ = {"PARKSTREAM_REDIS_URL": redis_url, "PARKSTREAM_COPY": "true", "PYTHONPATH": str(SUPPORT)}
    command = [sys.executable, str(SUPPORT / "killed_steps.py")]
    with subprocess.Popen(command, env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as dying:

        def run(step: int, mall: str, folder: Path, *arguments: str) -> int:
            words = ["log", *arguments, "--dir", str(folder), "--json"]
            print(json.dumps([step, mall, words]), file=dying.stdin, flush=True)
            return int(dying.stdout.readline())

        yield run
        dying.stdin.close()


class Attempt:
    """A log of its own, and what is done to it."""

    def __init__(self, redis_url: str, mall: str, folder: Path) -> None:
        self.store = RedisStore(redis_url, mall)
        self.folder = folder
        self.appended: list[Record] = []

    async def begin(self) -> None:
        for n in range(RECORDS):
            await self.store.log.append([entered(str(n))])
        self.appended = await self.store.log.read(0, 100)

    async def nothing_is_lost(self) -> None:
        """Assert that every record is read once, and that the files are what they say."""
        archive = Archive(self.folder, self.store.keys.mall)
        state = await self.store.log.state()
        assert state.length == state.position - state.archived_through
        assert archive.through >= state.archived_through
        assert list(defects_of(archive)) == []
        assert await SpanningLog(self.store.log, archive).read(0, 100) == self.appended
        files = files_in(self.folder) if self.folder.exists() else set()
        left = {name for name in files - named_in(archive) if not name.endswith(INDEX_SUFFIX)}
        assert len(left - {WRITING}) <= 1
        assert all(name == WRITING or name.endswith(manifest.SUFFIX) for name in left)

    async def is_archived_through(self, position: int) -> None:
        await self.nothing_is_lost()
        assert (await self.store.log.state()).archived_through == position
        assert not await self.store.redis.exists(self.store.keys.log_restoring)
        named = named_in(Archive(self.folder))
        assert indexes_in(self.folder) <= named
        assert {name for name in files_in(self.folder) - named if not name.endswith(INDEX_SUFFIX)} == set()


def attempts(redis_url: str, mall: str, tmp_path: Path) -> Iterator[tuple[int, Attempt]]:
    for step in count():
        yield step, Attempt(redis_url, f"{mall}-{step}", tmp_path / str(step))


async def test_an_archiving_killed_before_any_step_loses_nothing(run_until, redis_url, mall, tmp_path):
    for step, attempt in attempts(redis_url, mall, tmp_path):
        await attempt.begin()
        code = run_until(step, attempt.store.keys.mall, attempt.folder, "archive", "--keep", "2")
        await attempt.nothing_is_lost()
        assert run_until(NEVER, attempt.store.keys.mall, attempt.folder, "archive", "--keep", "2") == 0
        await attempt.is_archived_through(RECORDS - 2)
        await attempt.store.close()
        if code == 0:
            break
        assert code == KILLED
    assert step > 40, "there are that many steps"


async def test_an_archiving_killed_twice_loses_nothing(run_until, redis_url, mall, tmp_path):
    for step, attempt in islice(attempts(redis_url, mall, tmp_path), 0, None, 4):
        await attempt.begin()
        first = run_until(step, attempt.store.keys.mall, attempt.folder, "archive", "--through", "7")
        run_until(step // 2 + 5, attempt.store.keys.mall, attempt.folder, "archive", "--through", "9")
        await attempt.nothing_is_lost()
        assert run_until(NEVER, attempt.store.keys.mall, attempt.folder, "archive", "--through", "10") == 0
        await attempt.is_archived_through(10)
        await attempt.store.close()
        if first == 0:
            break


async def test_a_restore_killed_before_any_step_loses_nothing(run_until, redis_url, mall, tmp_path, monkeypatch):
    make_steps_small(monkeypatch.setattr)
    for step, attempt in attempts(redis_url, mall, tmp_path):
        await attempt.begin()
        await archive_through(attempt.store, attempt.folder, 8)
        code = run_until(step, attempt.store.keys.mall, attempt.folder, "restore", "--from", "2")
        await attempt.store.log.append([entered("meanwhile")])
        attempt.appended += await attempt.store.log.read(RECORDS, 1)
        await attempt.nothing_is_lost()
        assert run_until(NEVER, attempt.store.keys.mall, attempt.folder, "restore", "--from", "2") == 0
        await attempt.is_archived_through(1)
        assert await attempt.store.log.read(1, 100) == attempt.appended[1:]
        await attempt.store.close()
        if code == 0:
            break
        assert code == KILLED
    assert step >= 15, "there are that many steps"
