"""An archive is that of one log: of no other, but also of the log that was adopted from it."""

import pytest
from archives import archive_of, archive_through, make_steps_small, restore_from
from eventlog_stores import RedisStore, entered
from parkstream_eventlog.archive import Archive, OtherLogArchiveError, SpanningLog, check_as_long_as_archive
from parkstream_eventlog.functions import LOG
from parkstream_service.redis import Functions


@pytest.fixture
async def store(redis_url: str, mall: str, monkeypatch: pytest.MonkeyPatch):
    make_steps_small(monkeypatch.setattr)
    store = RedisStore(redis_url, mall)
    await store.log.append([entered(str(n)) for n in range(10)])
    yield store
    await store.close()


async def adopt(store: RedisStore, new: str) -> None:
    """Give the log the id *new*, as the command does; who writes from now on knows that."""
    keys = store.keys
    before = (await store.log.state()).log_id
    await Functions(store.redis, LOG).call("adopt", (keys.log, keys.log_meta), (before, new))
    store.log = store.another()


async def grow(store: RedisStore, name: str, count: int) -> None:
    await store.log.append([entered(f"{name}-{n}") for n in range(count)])


async def refused_by_all(store: RedisStore, folder) -> None:
    """Check that whoever reads or writes *folder* refuses it, and that the log stays as it is."""
    before = await store.log.state()
    with pytest.raises(OtherLogArchiveError):
        await archive_through(store, folder, 9)
    with pytest.raises(OtherLogArchiveError):
        await restore_from(store, folder)
    with pytest.raises(OtherLogArchiveError):
        await check_as_long_as_archive(store.log, str(folder), store.keys.mall)
    assert (await store.log.state())._replace(now_us=0) == before._replace(now_us=0)


async def test_the_manifest_names_the_log(store, tmp_path):
    archive = await archive_through(store, tmp_path, 4)
    assert archive.manifest.log_id == await store.log.create()


async def test_the_archive_of_another_log_is_refused_by_all(store, tmp_path):
    archive_of(tmp_path, 3, mall=store.keys.mall, log_id="another")
    await refused_by_all(store, tmp_path)


async def test_readers_do_not_read_on_in_the_archive_of_another_log(store, tmp_path):
    await archive_through(store, tmp_path / "own", 3)
    (tmp_path / "other").mkdir()
    archive_of(tmp_path / "other", 3, mall=store.keys.mall, log_id="another")
    reader = SpanningLog(store.log, Archive(tmp_path / "other", store.keys.mall))
    with pytest.raises(OtherLogArchiveError):
        await reader.read(0, 10)
    with pytest.raises(OtherLogArchiveError):
        await anext(reader.follow(0, 10))
    await refused_by_all(store, tmp_path / "other")


async def test_after_a_log_is_adopted_its_archive_is_read_and_written_on(store, tmp_path):
    appended = await store.log.read(0, 100)
    archive = await archive_through(store, tmp_path, 4)
    before = archive.manifest.log_id
    await adopt(store, "adopted")
    assert (await store.log.state()).earlier_ids == {before: 10}
    await check_as_long_as_archive(store.log, str(tmp_path), store.keys.mall)
    assert await SpanningLog(store.log, Archive(tmp_path, store.keys.mall)).read(0, 100) == appended
    archive = await archive_through(store, tmp_path, 7)
    assert archive.manifest.log_id == "adopted"
    await adopt(store, "again")
    assert (await archive_through(store, tmp_path, 10)).read(0, 100) == appended
    await restore_from(store, tmp_path)
    assert await store.log.read(0, 100) == appended


async def test_what_was_abandoned_is_never_read_and_the_archive_that_holds_it_is_not_written_on(store, tmp_path):
    """Redis came back as it was at position 10, archived through 4; its archive had reached 12 by then."""
    folder, keys = tmp_path / "old", store.keys
    await archive_through(store, folder, 4)
    dumps = {key: await store.redis.dump(key) for key in await store.redis.keys(f"*{{{keys.mall}}}*")}
    appended = await SpanningLog(store.log, Archive(folder, keys.mall)).read(0, 100)
    await grow(store, "lost", 2)
    await archive_through(store, folder, 12)
    await store.redis.delete(*await store.redis.keys(f"*{{{keys.mall}}}*"))
    for key, dump in dumps.items():
        await store.redis.restore(key, 0, dump)
    await adopt(store, "adopted")
    await grow(store, "new", 5)
    await check_as_long_as_archive(store.log, str(folder), keys.mall)
    whole = await SpanningLog(store.log, Archive(folder, keys.mall)).read(0, 100)
    assert (whole[:10], [record.id for record in whole[10:]]) == (appended, [f"new-{n}" for n in range(5)])
    with pytest.raises(OtherLogArchiveError, match="up to position 12, not of adopted"):
        await archive_through(store, folder, 9)
    await restore_from(store, folder)
    assert await store.log.read(0, 100) == whole
    assert (await archive_through(store, tmp_path / "new", 15)).read(0, 100) == whole
