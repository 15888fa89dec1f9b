"""Which connections to Redis are let through, and what the mark is when the first of them is."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from parkstream_backend.log_guard import NOT_COMPARED, LogGuard
from parkstream_devtools import RedisServer
from parkstream_eventlog import Writer
from parkstream_events.keys import BackendKeys, Database
from parkstream_messaging.mark_stream import MarkStream, last_mark
from parkstream_service.redis import connect
from parkstream_service.retry import Wait
from parkstream_telemetry import TelemetryOptions, start
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError


@asynccontextmanager
async def guarding(redis: RedisServer, rabbitmq_url: str, mall: str) -> AsyncIterator[tuple[LogGuard, Redis]]:
    """Yield a guard, and the client that it looks with."""
    telemetry = start(TelemetryOptions(service="parkstream-backend", plate_hash_key="test", statistics_seconds=0))
    looking = connect(redis.url)
    guard = LogGuard(looking, BackendKeys(mall), MarkStream(rabbitmq_url), Writer(""), mall, telemetry, Wait())
    try:
        yield guard, looking
    finally:
        await guard.close()
        await looking.aclose()
        telemetry.shutdown()


async def test_a_redis_is_let_in_once_it_was_compared_and_after_a_restart_again(
    redis_server: RedisServer, rabbitmq_url: str, mall: str
):
    async with guarding(redis_server, rabbitmq_url, mall) as (guard, looking):
        redis = connect(redis_server.url, Database.BACKEND, on_connect=guard.admit)
        for _ in range(2):
            with pytest.raises(RedisConnectionError, match=NOT_COMPARED):
                await redis.execute_command("PING")
            await guard.look()
            assert guard.problem == ""
            await redis.execute_command("PING")
            mark = await last_mark(rabbitmq_url)
            assert mark is not None
            assert (mark.mall, mark.log_id) == (mall, guard.writer.log_id)
            redis_server.kill()
            redis_server.start()
            guard.problem = ""
            for client in (redis, looking):
                await client.connection_pool.disconnect()
        await redis.aclose()


async def test_a_log_that_was_refused_is_accepted_once_however_often_redis_goes_away_meanwhile(
    redis_server: RedisServer, rabbitmq_url: str, mall: str, capsys: pytest.CaptureFixture[str]
):
    meta = BackendKeys(mall).log_meta
    async with guarding(redis_server, rabbitmq_url, mall) as (guard, looking):
        await guard.look()
        await looking.rename(meta, "aside")
        for _ in range(2):
            await guard.look()
            assert guard.refused
            redis_server.kill()
            await guard.look()
            assert guard.refused
            redis_server.start()
        await looking.rename("aside", meta)
        await guard.look()
        assert (guard.refused, guard.problem) == (False, "")
    events = [json.loads(line)["event"] for line in capsys.readouterr().out.splitlines()]
    assert [one for one in events if one.startswith("log.")] == ["log.refused", "log.accepted"]
