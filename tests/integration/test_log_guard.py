"""Which connections to Redis are let through, and what the mark is when the first of them is."""

import pytest
from parkstream_backend.log_guard import NOT_COMPARED, LogGuard
from parkstream_devtools import RedisServer
from parkstream_eventlog import Writer
from parkstream_events.keys import BackendKeys, Database
from parkstream_messaging.mark_stream import MarkStream, last_mark
from parkstream_service.redis import connect
from parkstream_service.retry import Wait
from parkstream_telemetry import TelemetryOptions, start
from redis.exceptions import ConnectionError as RedisConnectionError


async def test_a_redis_is_let_in_once_it_was_compared_and_after_a_restart_again(
    redis_server: RedisServer, rabbitmq_url: str, mall: str
):
    telemetry = start(TelemetryOptions(service="parkstream-backend", plate_hash_key="test", statistics_seconds=0))
    looking = connect(redis_server.url)
    keys, marks, writer = BackendKeys(mall), MarkStream(rabbitmq_url), Writer("")
    guard = LogGuard(looking, keys, marks, writer, mall, telemetry, Wait())
    redis = connect(redis_server.url, Database.BACKEND, on_connect=guard.admit)
    for _ in range(2):
        with pytest.raises(RedisConnectionError, match=NOT_COMPARED):
            await redis.execute_command("PING")
        await guard.look()
        assert guard.problem == ""
        await redis.execute_command("PING")
        mark = await last_mark(rabbitmq_url)
        assert mark is not None
        assert (mark.mall, mark.log_id) == (mall, writer.log_id)
        redis_server.kill()
        redis_server.start()
        guard.problem = ""
        for client in (redis, looking):
            await client.connection_pool.disconnect()
    await guard.close()
    for client in (redis, looking):
        await client.aclose()
    telemetry.shutdown()
