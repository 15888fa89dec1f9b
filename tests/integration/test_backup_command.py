"""``parkstream backup`` and ``restore`` on a private Redis: all of it or nothing, and nothing is overwritten."""

import asyncio
import fcntl
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from command_line import Answer, CommandLine
from parkstream_cli.backup import NEXT_STEPS
from parkstream_devtools import RedisServer
from parkstream_eventlog.archive.index import INDEX_SUFFIX
from parkstream_events.summaries import Summary, SummaryItem
from parkstream_events.wire import encode
from parkstream_projection.backup.errors import BackupError
from parkstream_projection.backup.manifest import NAME, load
from parkstream_projection.backup.restorer import ASIDE, restore
from parkstream_projection.backup.taker import Places, take
from projections import HOUR, Mall, day_of_traffic, now_us, project
from replays import opened

CARS = 60
KEEP = "40"
TORN = b'{"visit_id":"to'
AOF = "appendonlydir"


def summary_of(item: SummaryItem) -> Summary:
    return Summary(**{name: getattr(item, name) for name in Summary.__struct_fields__})


class Site:
    """One mall's Redis, archive and summary file, and the command line beside them."""

    def __init__(self, server: RedisServer, mall: str, folder: Path) -> None:
        self.server = server
        self.folder = folder
        self.backup = folder / "backup"
        self.file = folder / "summaries.jsonl"
        self.beside = folder / "summaries.jsonl.log.json"
        self.archive = folder / "archive"
        self.mall = Mall(server.url, mall)
        self.parkstream = CommandLine(
            {
                "PARKSTREAM_REDIS_URL": server.url,
                "PARKSTREAM_MALL": mall,
                "PARKSTREAM_SUMMARY_FILE": str(self.file),
                "PARKSTREAM_ARCHIVE_DIR": str(self.archive),
                "PARKSTREAM_REDIS_DIR": str(server.folder),
            }
        )

    @property
    def places(self) -> Places:
        return Places(redis_dir=self.server.folder, archive_dir=self.archive, summary_file=self.file)

    async def fill(self) -> None:
        """A log whose old records are archived, a projection of it, and a file that somebody writes to just now."""
        await self.mall.log.append(day_of_traffic(CARS, now_us() - 4 * HOUR))
        await project(self.mall.projector())
        assert self.parkstream("log", "archive", "--keep", KEEP).code == 0
        lines = [encode(summary_of(item)) + b"\n" for _, item in await self.mall.emitted()]
        self.file.write_bytes(b"".join(lines) + TORN)
        self.beside.write_text("{}")

    def lose_everything(self) -> None:
        """Kill Redis, and delete all that it and others had."""
        self.server.kill()
        shutil.rmtree(self.server.folder / AOF)
        shutil.rmtree(self.archive)
        self.file.unlink()
        self.beside.unlink()

    async def start(self) -> None:
        """Start Redis with what is there now."""
        self.server.start()
        await self.mall.redis.connection_pool.disconnect()

    async def read(self) -> tuple[list[object], object]:
        """Return what Redis holds of the mall, and where the log stands."""
        state = await self.mall.log.state()
        return list((await self.mall.kept()).items()), state._replace(now_us=0)


@pytest.fixture
async def site(redis_server, mall, tmp_path) -> AsyncIterator[Site]:
    site = Site(redis_server, mall, tmp_path)
    try:
        await site.fill()
        yield site
    finally:
        await site.mall.close()


def done(answer: Answer) -> Answer:
    assert answer.code == 0, answer.err
    return answer


def files_of(folder: Path) -> dict[str, bytes]:
    """Return all files, indexes aside: those are made again."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and path.suffix != INDEX_SUFFIX]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


async def test_everything_comes_back_as_it_was(site):
    before, archived = await site.read(), files_of(site.archive)
    taken = done(site.parkstream("backup", str(site.backup), "--json")).object
    state = await site.mall.log.state()
    assert (taken["position"], taken["archived_through"]) == (state.position, state.archived_through)
    assert taken["bytes"] == sum(len(content) for name, content in files_of(site.backup).items() if name != NAME)
    site.lose_everything()
    answer = done(site.parkstream("restore", str(site.backup)))
    assert answer.out.endswith(NEXT_STEPS + "\n")
    await site.start()
    assert await site.read() == before
    assert files_of(site.archive) == archived
    lines = site.file.read_bytes()
    assert lines.endswith(b"}\n"), "a line that was being written is not in it"
    assert lines.count(b"\n") == len(await site.mall.emitted())
    assert site.beside.read_text() == "{}"
    assert done(site.parkstream("replay", "--check", "--json")).object["hash_equal"]


async def test_under_traffic_it_holds_one_instant(site):
    added = 0

    async def traffic() -> None:
        nonlocal added
        while True:
            events = [one._replace(id=f"{one.id}.{added}") for one in day_of_traffic(10, now_us() - HOUR)]
            await site.mall.log.append(events)
            added += 1

    writing = asyncio.create_task(traffic())
    backups = [site.folder / f"backup-{number}" for number in range(3)]
    for backup in backups:
        done(await asyncio.to_thread(site.parkstream, "backup", str(backup)))
    assert load(backups[0]).position < load(backups[1]).position < load(backups[2]).position
    writing.cancel()
    with suppress(asyncio.CancelledError):
        await writing
    for backup in backups:
        site.lose_everything()
        done(site.parkstream("restore", str(backup)))
        await site.start()
        state = await site.mall.log.state()
        assert (state.position, state.length) == (load(backup).position, state.position - state.archived_through)
        assert done(site.parkstream("log", "verify", "--json")).code == 0


class Killed(BaseException):
    """Stands for a process that ends at once."""


@contextmanager
def dying_after(calls: int) -> Iterator:
    """Yield what is called with the progress, and ends everything at the last of *calls*."""
    left = calls

    def reached(_done: int, _total: int) -> None:
        nonlocal left
        left -= 1
        if not left:
            raise Killed

    yield reached


async def test_a_backup_that_is_killed_is_none_until_it_is_taken_again(site):
    steps = 0

    def counted(_done: int, _total: int) -> None:
        nonlocal steps
        steps += 1

    await take(opened(site.mall), site.places, site.folder / "whole", counted)
    assert steps >= 5, "at least one of each file"
    for step in range(1, steps + 1):
        with dying_after(step) as reached, pytest.raises(Killed):
            await take(opened(site.mall), site.places, site.backup, reached, rewrite=False)
        answer = site.parkstream("restore", str(site.backup), "--force") if step == 1 else None
        assert answer is None or (answer.code == 1 and "is no whole backup" in answer.err)
        with pytest.raises(BackupError, match="is no whole backup"):
            load(site.backup)
    done(site.parkstream("backup", str(site.backup)))
    assert load(site.backup).position == (await site.mall.log.state()).position
    answer = site.parkstream("backup", str(site.backup))
    assert (answer.code, "holds a backup already" in answer.err) == (1, True)


async def test_a_restore_that_is_killed_goes_on(site):
    before = await site.read()
    done(site.parkstream("backup", str(site.backup)))
    site.lose_everything()
    step, unfinished = 0, True
    while unfinished:
        step += 1
        with dying_after(step) as reached:
            try:
                restore(site.backup, site.places, reached)
                unfinished = False
            except Killed:
                pass
    assert step > 5, "it was killed at least once in each file"
    await site.start()
    assert await site.read() == before
    assert not [path for path in site.folder.rglob("*") if path.name.startswith((".restoring", ASIDE))]


async def test_a_damaged_backup_is_refused_before_anything_is_written(site):
    done(site.parkstream("backup", str(site.backup)))
    site.lose_everything()
    for path in [path for path in sorted(site.backup.rglob("*")) if path.is_file() and path.name != NAME]:
        content = path.read_bytes()
        for damage in (content[:-1], bytes([content[0] ^ 1]) + content[1:]) if content else (b"x",):
            path.write_bytes(damage)
            answer = site.parkstream("restore", str(site.backup), "--force")
            assert (answer.code, f"{path} has " in answer.err) == (1, True), answer.err
        path.unlink()
        assert f"{path} is missing" in site.parkstream("restore", str(site.backup), "--force").err
        path.write_bytes(content)
    assert not site.file.exists()
    assert not site.archive.exists()
    done(site.parkstream("restore", str(site.backup)))


async def test_what_is_there_is_moved_aside_only_when_it_is_forced(site):
    done(site.parkstream("backup", str(site.backup)))
    answer = site.parkstream("restore", str(site.backup))
    assert (answer.code, "a Redis answers" in answer.err) == (1, True)
    site.server.kill()
    with site.file.open("ab") as written:
        fcntl.flock(written, fcntl.LOCK_EX)
        answer = site.parkstream("restore", str(site.backup))
        assert (answer.code, "stop the summary API first" in answer.err) == (1, True)
    newer = files_of(site.folder / "archive"), site.file.read_bytes(), files_of(site.server.folder / AOF)
    answer = site.parkstream("restore", str(site.backup))
    assert (answer.code, "--force" in answer.err) == (1, True)
    assert newer == (files_of(site.folder / "archive"), site.file.read_bytes(), files_of(site.server.folder / AOF))
    done(site.parkstream("restore", str(site.backup), "--force"))
    (aside,) = site.folder.glob(f"summaries.jsonl{ASIDE}*")
    assert aside.read_bytes() == newer[1]
    await site.start()
    assert (await site.mall.log.state()).position == load(site.backup).position
    site.server.stop()
    done(site.parkstream("restore", str(site.backup), "--force"))


async def test_it_says_what_to_do_where_redis_is_not(site, sandbox, tmp_path):
    answer = site.parkstream("backup", str(site.backup), "--redis-dir", str(tmp_path))
    assert (answer.code, "--redis-dir or PARKSTREAM_REDIS_DIR" in answer.err) == (1, True)
    other = sandbox.redis()
    answer = site.parkstream("backup", str(site.backup), "--redis-dir", str(other.folder))
    assert (answer.code, "so this is not what it writes" in answer.err) == (1, True)
    other.kill()
    assert not (site.backup / NAME).exists()


async def test_parts_that_are_not_here_are_named(site, redis_server, mall, tmp_path):
    environ = {"PARKSTREAM_REDIS_URL": redis_server.url, "PARKSTREAM_MALL": mall}
    parkstream = CommandLine({**environ, "PARKSTREAM_SUMMARY_FILE": str(tmp_path / "none")})
    assert "give --without-summaries" in parkstream("backup", str(site.backup)).err
    assert "set PARKSTREAM_ARCHIVE_DIR" in parkstream("backup", str(site.backup), "--without-summaries").err
    done(site.parkstream("backup", str(site.backup), "--without-summaries"))
    assert not (site.backup / "summaries").exists()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "letter").touch()
    assert "is not empty" in site.parkstream("backup", str(tmp_path / "full")).err
