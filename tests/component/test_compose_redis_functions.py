"""Functions give nobody a right: what a user may not do in the Redis of the containers, no function does for it."""

import pytest
from guarded_servers import GuardedRedis
from parkstream_devtools.redis_functions import LIBRARIES
from parkstream_service.redis import READS
from redis import Redis
from redis.exceptions import ResponseError

OWN = {
    "backend": "backend",
    "cli": "backend",
    "console": "backend",
    "entry_generator": "entry-generator",
    "exit_generator": "exit-generator",
    "summary_api": "summary-api",
}
"""Whose keys each user of a service has."""
COMMANDS = [["CONFIG", "SET", "maxmemory", "1"], ["ACL", "LIST"], ["KEYS", "*"], ["FLUSHALL"], ["DEBUG", "RELOAD"]]


@pytest.fixture(scope="module")
def guarded(sandbox, tmp_path_factory):
    redis = GuardedRedis(tmp_path_factory.mktemp("guarded"))
    for user in ("backend", "entry_generator", "exit_generator", "summary_api"):
        with client(redis, user) as own:
            own.hset(key_of(OWN[user]), "plate", "QZX4711")
    yield redis
    redis.stop()


def client(guarded: GuardedRedis, user: str):
    return Redis.from_url(guarded.url_of(user), protocol=2, driver_info=None)


def key_of(service: str) -> str:
    return f"parkstream:{service}:{{mall}}:secret"


def read(redis: Redis, *command: str) -> bytes:
    """Return what a function answers that does what it is told, as nothing else in Redis does."""
    return redis.execute_command("FCALL", READS.function("at_once"), 0, len(command), *command)


@pytest.mark.parametrize("user", OWN)
def test_a_function_reads_only_what_its_caller_may(guarded: GuardedRedis, user: str):
    with client(guarded, user) as redis:
        assert b"QZX4711" in repr(read(redis, "HGET", key_of(OWN[user]), "plate")).encode()
        for service in set(OWN.values()) - {OWN[user]}:
            refused(redis, "HGET", key_of(service), "plate")
        for command in COMMANDS:
            refused(redis, *command)


def refused(redis: Redis, *command: str) -> None:
    with pytest.raises(ResponseError) as raised:
        read(redis, *command)
    assert "QZX4711" not in str(raised.value)


@pytest.mark.parametrize("user", ["entry_generator", "exit_generator", "summary_api"])
def test_no_function_of_the_log_writes_for_others(guarded: GuardedRedis, user: str):
    with client(guarded, "loader") as loader:
        functions = [one[b"functions"] for one in map(pairs, loader.execute_command("FUNCTION", "LIST"))]
    names = {pairs(one)[b"name"].decode() for library in functions for one in library}
    assert len(names) > 3 * len(LIBRARIES)
    keys = [f"{key_of('backend')}:{number}" for number in range(8)]
    with client(guarded, user) as redis:
        for name in names:
            for count in range(1, len(keys) + 1):
                with pytest.raises(ResponseError):
                    redis.execute_command("FCALL", name, count, *keys[:count], *(["1"] * 8))


def pairs(flat):
    return dict(zip(flat[::2], flat[1::2], strict=True))
