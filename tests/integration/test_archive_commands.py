"""``parkstream log archive`` and ``restore`` as people use them, and what the doctor says of an archive."""

import json
import signal
import subprocess
import sys

import pytest
from archives import archive_of, archive_through, files_in
from eventlog_stores import RedisStore, entered
from parkstream_cli.doctor import redis as doctor
from parkstream_operations.findings import Level


@pytest.fixture
async def store(redis_url, mall):
    store = RedisStore(redis_url, mall)
    await store.log.append([entered(str(n)) for n in range(50)])
    yield store
    await store.close()


@pytest.fixture
def log(redis_url, mall, tmp_path):
    """Run ``parkstream log``."""

    def run(*arguments, **environ):
        told = {"PARKSTREAM_REDIS_URL": redis_url, "PARKSTREAM_MALL": mall, "PARKSTREAM_COPY": "true", **environ}
        command = [sys.executable, "-m", "parkstream_cli", "log", *arguments]
        return subprocess.run(command, env=told, capture_output=True, text=True, check=False, cwd=tmp_path)

    return run


def started(command, environ):
    return subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, text=True)


def answer(done):
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


async def test_each_segment_gets_an_index_and_one_that_is_missing_is_made_though_nothing_moves(store, log, tmp_path):
    there = {"PARKSTREAM_ARCHIVE_DIR": str(tmp_path / "archive")}
    assert answer(log("archive", "--keep", "20", "--json", **there))["segments"] == 1
    (index,) = (tmp_path / "archive").glob("*.index")
    content = index.read_bytes()
    index.unlink()
    assert answer(log("archive", "--keep", "20", "--json", **there))["records"] == 0
    assert index.read_bytes() == content


async def test_records_go_and_come_back(store, log, tmp_path):
    there = {"PARKSTREAM_ARCHIVE_DIR": str(tmp_path / "archive")}
    would = answer(log("archive", "--keep", "20", "--dry-run", "--json", **there))
    assert (would["dry_run"], would["records"], would["archived_through"]) == (True, 30, 0)
    assert not (tmp_path / "archive").exists()
    done = log("archive", "--keep", "20", **there)
    assert done.stdout == (
        f"archived 30 records, positions 1 to 30 ({tmp_path}/archive); the log holds 20 records now\n"
    ), done.stderr
    assert answer(log("archive", "--through", "40", "--json", **there)) == {
        "dir": str(tmp_path / "archive"),
        "dry_run": False,
        "records": 10,
        "first": 31,
        "last": 40,
        "segments": 1,
        "position": 50,
        "archived_through": 40,
    }
    assert log("archive", "--keep", "20", **there).stdout == "nothing to archive: the log holds 10 records\n"
    back = answer(log("restore", "--from", "11", "--json", **there))
    assert (back["records"], back["first"], back["last"], back["archived_through"]) == (30, 11, 40, 10)
    assert (await store.log.state()).length == 40
    assert log("restore", "--dry-run", **there).stdout.startswith("would restore 10 records, positions 1 to 10 (")
    assert log("restore", **there).stdout.endswith("the log holds 50 records now\n")
    assert log("restore", **there).stdout == "nothing to restore: the log holds 50 records\n"


async def test_again_and_again_takes_what_has_come_meanwhile(store, redis_url, mall, tmp_path):
    told = {
        "PARKSTREAM_REDIS_URL": redis_url,
        "PARKSTREAM_MALL": mall,
        "PARKSTREAM_COPY": "true",
        "PARKSTREAM_ARCHIVE_DIR": str(tmp_path / "archive"),
    }
    command = [sys.executable, "-m", "parkstream_cli", "log", "archive", "--keep", "20", "--every", "0.1"]
    with started(command, told) as archiver:
        assert archiver.stdout.readline().startswith("archived 30 records, positions 1 to 30")
        await store.log.append([entered(f"more-{n}") for n in range(5)])
        while not (said := archiver.stdout.readline()).startswith("archived"):
            assert said == "nothing to archive: the log holds 20 records\n"
        assert said.startswith("archived 5 records, positions 31 to 35")
        archiver.terminate()
    assert archiver.returncode == 128 + signal.SIGTERM


def test_what_is_younger_stays(store, log, tmp_path):
    there = ("--dir", str(tmp_path), "--json")
    assert answer(log("archive", *there))["records"] == 0
    assert answer(log("archive", "--older-than", "1", *there))["records"] == 0
    assert answer(log("archive", "--older-than", "0", *there))["records"] == 50


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["archive"], "where? give --dir, or set PARKSTREAM_ARCHIVE_DIR"),
        (["restore"], "where? give --dir"),
        (["archive", "--dir", "x", "--keep", "1", "--through", "2"], "give one of --keep, --through and --older-than"),
    ],
)
def test_what_is_not_said_is_asked_for(log, tmp_path, arguments, problem):
    done = log(*arguments)
    assert done.returncode == 2
    assert done.stderr.startswith(f"error: {problem}")
    assert files_in(tmp_path) == set()


async def test_who_holds_records_back_is_named(store, log, tmp_path):
    await store.redis.hset(store.keys.projection(1, "meta"), "checkpoint", 7)
    done = log("archive", "--keep", "0", "--dir", str(tmp_path))
    assert done.returncode == 1
    assert done.stderr == (
        "error: the projection of version 1 has only got to position 7, and 50 shall be archived: "
        "let it catch up, or archive --through 7\n"
    )


@pytest.mark.parametrize("options", [[], ["--from", "3"], ["--dry-run"]])
def test_without_an_archive_there_is_nothing_to_restore(store, log, tmp_path, options):
    """Whether the folder is there or not; of a log that was archived elsewhere that is an error."""
    nothing = "nothing to restore: the log holds 50 records\n"
    assert log("restore", "--dir", "nowhere", *options).stdout == nothing
    assert log("restore", "--dir", str(tmp_path), *options).stdout == nothing
    assert answer(log("archive", "--keep", "20", "--dir", "elsewhere", "--json"))["records"] == 30
    done = log("restore", "--dir", "nowhere", *options)
    assert (done.returncode, "give the folder that it was archived to" in done.stderr) == (1, True)


@pytest.mark.parametrize("lags", ["another that was live", "another that is being rebuilt"])
async def test_a_version_that_is_not_live_holds_records_back_and_the_way_out_is_said(store, log, tmp_path, lags):
    keys = store.keys
    await store.redis.sadd(keys.projections, 1, 2)
    await store.redis.hset(keys.projection(2, "meta"), "checkpoint", 50)
    await store.redis.hset(keys.projection(1, "meta"), "checkpoint", 7)
    if lags == "another that was live":
        await store.redis.hset(keys.outbox_meta, mapping={"live": 2, "before": 1})
        await store.redis.hset(keys.projection(1, "meta"), "rebuilt", 1)
        way_out = "drop it (parkstream replay --drop 1) if it shall not become live"
    else:
        await store.redis.hset(keys.outbox_meta, "live", 2)
        way_out = "end its rebuild (parkstream replay --version 1), or drop it (parkstream replay --drop 1)"
    for options in ([], ["--dry-run"]):
        done = log("archive", "--keep", "0", "--dir", str(tmp_path), *options)
        assert done.returncode == 1
        assert done.stderr == (
            "error: version 1 of the projection, which is not the live one, has only got to position 7, and 50 shall "
            f"be archived: {way_out}, or archive --through 7\n"
        )
    assert answer(log("archive", "--through", "7", "--dir", str(tmp_path), "--json"))["records"] == 7


def test_a_place_where_nothing_can_be_written_is_said(store, log, tmp_path):
    (tmp_path / "file").touch()
    done = log("archive", "--keep", "0", "--dir", str(tmp_path / "file" / "archive"))
    assert done.returncode == 1
    assert "Not a directory: set that right and run it again; nothing is lost" in done.stderr


def test_a_redis_that_is_not_there_is_said(log, tmp_path):
    done = log("archive", "--dir", str(tmp_path), PARKSTREAM_REDIS_URL="redis://127.0.0.1:9")
    assert done.returncode == 1
    assert "PARKSTREAM_REDIS_URL" in done.stderr


async def finding(redis_url, mall, tmp_path, archive_dir):
    found = await doctor.examine(redis_url, mall, tmp_path / "none", None, archive_dir and str(archive_dir))
    return next((one for one in found if "archive" in one.about), None)


async def test_the_doctor_compares_log_and_archive(store, redis_url, mall, tmp_path):
    assert await finding(redis_url, mall, tmp_path, None) is None
    folder = tmp_path / "archive"
    await archive_through(store, folder, 30)
    well = await finding(redis_url, mall, tmp_path, folder)
    assert (well.level, well.found) == (Level.OK, "the archive ends at position 30")
    unset = await finding(redis_url, mall, tmp_path, None)
    assert (unset.level, unset.found) == (Level.NOTE, "the log was archived through 30")
    other = await finding(redis_url, mall, tmp_path, tmp_path / "other")
    assert (other.level, other.found.endswith("ends at 0, but the log was archived through 30")) == (Level.WRONG, True)
    await store.redis.delete(store.keys.log, store.keys.log_meta)
    shorter = await finding(redis_url, mall, tmp_path, folder)
    assert (shorter.level, shorter.found) == (Level.WRONG, "the log ends at 0, the archive at 30")
    archive_of(tmp_path, 3, mall="another")
    foreign = await finding(redis_url, mall, tmp_path, tmp_path)
    assert foreign.level == Level.WRONG
    assert "is the archive of 'another'" in foreign.found


async def test_the_doctor_names_the_archive_of_another_log(store, redis_url, mall, tmp_path):
    archive_of(tmp_path, 3, mall=mall)
    found = await finding(redis_url, mall, tmp_path, tmp_path)
    assert found.level == Level.WRONG
    assert f"the archive of the log the-log up to position 3, not of {await store.log.create()}" in found.found


async def test_the_archive_of_another_log_is_refused_with_what_to_do(store, log, mall, tmp_path):
    archive_of(tmp_path, 3, mall=mall)
    for verb in ("archive", "restore"):
        done = log(verb, "--dir", str(tmp_path))
        assert (done.returncode, "is the archive of the log the-log up to" in done.stderr) == (1, True)
        assert "set PARKSTREAM_ARCHIVE_DIR (or --dir) to the folder that this log was archived to" in done.stderr
    assert (await store.log.state()).length == 50
