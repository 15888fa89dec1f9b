"""``parkstream log adopt``: what it would do, what it does, and that it does nothing when nothing is wrong."""

import pytest
from command import Command
from eventlog_stores import RedisStore, entered
from parkstream_eventlog import OtherLogError
from parkstream_events.marks import Mark
from parkstream_messaging.mark_stream import MarkStream


@pytest.fixture
async def store(redis_url: str, mall: str):
    store = RedisStore(redis_url, mall)
    yield store
    await store.close()


@pytest.fixture
async def marks(rabbitmq_url: str):
    marks = MarkStream(rabbitmq_url)
    await marks.follow()
    yield marks
    await marks.close()


@pytest.fixture
def command(redis_url: str, rabbitmq_url: str, mall: str) -> Command:
    return Command(redis_url, mall, {"PARKSTREAM_RABBITMQ_URL": rabbitmq_url})


async def test_a_shorter_log_is_adopted_under_a_new_id_when_a_person_says_yes(store, marks, mall, command):
    await store.log.append([entered("a"), entered("b")])
    log_id = await store.log.create()
    await marks.renew(Mark(mall=mall, log_id=log_id, position=7, since_us=5))
    would = command.json("log", "adopt", code=1)
    assert (would["adopted"], would["log_id"], would["lost_after"], would["lost_through"]) == (False, log_id, 2, 7)
    assert await store.log.create() == log_id
    done = command.json("log", "adopt", "--yes")
    assert done["adopted"]
    assert (await store.log.create(), done["lost_log_id"]) == (done["log_id"], log_id)
    with pytest.raises(OtherLogError):  # Who knew the log before writes nothing until it has looked at the mark.
        await store.log.append([entered("c")])
    again = command.json("log", "adopt", "--yes")
    assert (again["adopted"], again["log_id"]) == (False, done["log_id"])


async def test_an_emptied_redis_is_adopted_as_a_new_log(store, marks, mall, command):
    await marks.renew(Mark(mall=mall, log_id="lost", position=7, since_us=5))
    done = command.json("log", "adopt", "--yes")
    assert (done["adopted"], done["position"], done["lost_after"]) == (True, 0, 0)
    assert await store.log.create() == done["log_id"]


async def test_without_a_mark_there_is_nothing_to_adopt(store, marks, command):
    await store.log.append([entered("a")])
    log_id = await store.log.create()
    refused = command.run("log", "adopt", "--yes")
    assert (refused.returncode, b"the first backend that starts" in refused.stderr) == (1, True)
    assert await store.log.create() == log_id


async def test_an_emptied_redis_into_which_the_export_is_imported_needs_none(store, marks, mall, command, tmp_path):
    """Import gives the log back its id, so what the mark names is there again."""
    await store.log.append([entered("a"), entered("b")])
    exported = command.json("log", "export", str(tmp_path / "log.jsonl"))
    await marks.renew(Mark(mall=mall, log_id=exported["log_id"], position=2, since_us=5))
    await store.redis.delete(*await store.redis.keys(f"*{{{mall}}}*"))
    assert command.json("log", "adopt", code=1)["lost_log_id"] == exported["log_id"]
    assert command.json("log", "import", str(tmp_path / "log.jsonl"))["log_id"] == exported["log_id"]
    nothing = command.json("log", "adopt", "--yes")
    assert (nothing["adopted"], nothing["lost_log_id"], nothing["log_id"]) == (False, "", exported["log_id"])
    await store.log.append([entered("c")])  # Whoever knew the log before goes on.


async def test_an_export_that_ends_before_the_mark_is_still_a_shorter_log(store, marks, mall, command, tmp_path):
    await store.log.append([entered("a"), entered("b")])
    exported = command.json("log", "export", str(tmp_path / "log.jsonl"), "--to", "1")
    await marks.renew(Mark(mall=mall, log_id=exported["log_id"], position=2, since_us=5))
    await store.redis.delete(*await store.redis.keys(f"*{{{mall}}}*"))
    command.json("log", "import", str(tmp_path / "log.jsonl"))
    would = command.json("log", "adopt", code=1)
    assert (would["lost_after"], would["lost_through"]) == (1, 2)
