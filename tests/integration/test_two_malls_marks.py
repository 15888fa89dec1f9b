"""Two malls on one vhost: whose mark stands first in the stream has it, and the other one takes nothing."""

import pytest
from parkstream_backend.log_guard import LogGuard, OtherMallError
from parkstream_devtools import RedisServer
from parkstream_eventlog import Writer
from parkstream_events.keys import BackendKeys
from parkstream_events.marks import Mark
from parkstream_events.topology import MARK_QUEUE
from parkstream_messaging.mark_stream import MarkStream, last_mark
from parkstream_operations.broker import broker
from parkstream_service.redis import connect
from parkstream_service.retry import Wait
from parkstream_telemetry import TelemetryOptions, start


def mark_of(mall: str, since_us: int) -> Mark:
    return Mark(mall=mall, log_id=f"log-of-{mall}", position=1, since_us=since_us)


@pytest.mark.parametrize("since_us", [(1, 2), (2, 1)], ids=["older", "newer"])
async def test_of_two_malls_that_claim_a_vhost_at_once_the_first_in_the_stream_has_it(
    rabbitmq_url: str, since_us: tuple[int, int]
):
    ours, theirs = MarkStream(rabbitmq_url, declares=True), MarkStream(rabbitmq_url, declares=True)
    for stream in (ours, theirs):
        await stream.follow()
        assert stream.newest is None
    first, second = mark_of("ours", since_us[0]), mark_of("theirs", since_us[1])
    await ours.renew(first)
    await theirs.claim(second)
    await ours.claim(first)
    assert (ours.newest, theirs.newest) == (first, first)
    assert await last_mark(rabbitmq_url) == first
    await ours.close()
    await theirs.close()


async def test_a_mark_of_another_mall_that_comes_later_changes_nothing(rabbitmq_url: str):
    ours, theirs = MarkStream(rabbitmq_url, declares=True), MarkStream(rabbitmq_url)
    await ours.follow()
    await ours.claim(mark_of("ours", 1))
    await theirs.renew(mark_of("theirs", 9))
    await ours.renew(Mark(mall="ours", log_id="log-of-ours", position=5, since_us=1))
    found = await last_mark(rabbitmq_url)
    assert found is not None
    assert (found.mall, found.position) == ("ours", 5)
    await ours.close()
    await theirs.close()


async def test_a_backend_whose_vhost_became_another_mall_s_ends(
    shared_redis: RedisServer, rabbitmq_url: str, mall: str
):
    telemetry = start(TelemetryOptions(service="parkstream-backend", plate_hash_key="test", statistics_seconds=0))
    looking, theirs = connect(shared_redis.url), MarkStream(rabbitmq_url, declares=True)
    marks = MarkStream(rabbitmq_url, declares=True)
    guard = LogGuard(looking, BackendKeys(mall), marks, Writer(""), mall, telemetry, Wait())
    await guard.look()
    assert (guard.problem, guard.owned.is_set()) == ("", True)
    async with broker(rabbitmq_url) as connection, await connection.channel() as channel:
        await (await channel.get_queue(MARK_QUEUE)).delete()
    await marks.close()
    await theirs.follow()
    await theirs.claim(mark_of("theirs", 1))
    with pytest.raises(OtherMallError, match=f"the mall 'theirs', not of '{mall}'"):
        await guard.look()
    for closed in (guard, theirs):
        await closed.close()
    await looking.aclose()
    telemetry.shutdown()


async def test_a_backend_that_finds_another_mall_s_mark_waits_and_owns_nothing(
    shared_redis: RedisServer, rabbitmq_url: str, mall: str
):
    telemetry = start(TelemetryOptions(service="parkstream-backend", plate_hash_key="test", statistics_seconds=0))
    looking, theirs = connect(shared_redis.url), MarkStream(rabbitmq_url, declares=True)
    await theirs.follow()
    await theirs.claim(mark_of("theirs", 1))
    guard = LogGuard(
        looking, BackendKeys(mall), MarkStream(rabbitmq_url, declares=True), Writer(""), mall, telemetry, Wait()
    )
    await guard.look()
    assert "virtual host of its own (parkstream cells add" in guard.problem
    assert not guard.owned.is_set()
    assert not guard.admitted.is_set()
    assert await looking.keys(f"*{mall}*") == []
    for closed in (guard, theirs):
        await closed.close()
    await looking.aclose()
    telemetry.shutdown()
