import pytest
from parkstream_devtools import StartError
from parkstream_devtools.faults import UNFINISHED, AofCopy, Emptied, HalfWritten, MemoryFull, Older, TornAof, Weakened
from redis import Redis
from redis.exceptions import OutOfMemoryError

FUNCTION = "#!lua name=kept\nredis.register_function('two', function(keys) "
FUNCTION += "redis.call('SET', keys[1], '1') redis.call('SET', keys[2], '1') return 1 end)"


@pytest.fixture
def redis(redis_server):
    with Redis(port=redis_server.port, decode_responses=True) as client:
        client.function_flush()
        client.function_load(FUNCTION)
        client.fcall("two", 2, "a", "b")
        yield client


def other(redis_server, database):
    return Redis(port=redis_server.port, db=database, decode_responses=True)


def test_what_is_emptied_has_no_data_in_any_database_and_no_functions(redis, redis_server, tmp_path):
    other(redis_server, 3).set("index", "1")
    with Emptied(redis_server, tmp_path):
        assert redis.dbsize() == other(redis_server, 3).dbsize() == 0
        assert redis.function_list() == []
    assert redis.get("a") == other(redis_server, 3).get("index") == "1"
    assert len(redis.function_list()) == 1


def test_one_database_may_be_emptied_alone(redis, redis_server, tmp_path):
    other(redis_server, 3).set("index", "1")
    with Emptied(redis_server, tmp_path, databases=(3,), functions=False):
        assert (redis.get("a"), other(redis_server, 3).dbsize()) == ("1", 0)
        assert len(redis.function_list()) == 1


def test_an_older_file_has_what_was_there_then_and_healing_brings_the_rest_back(redis, redis_server, tmp_path):
    copy = AofCopy(redis_server, tmp_path / "copy")
    redis.set("later", "1")
    with Older(redis_server, copy, tmp_path):
        assert (redis.get("a"), redis.get("later")) == ("1", None)
    assert redis.get("later") == "1"


@pytest.mark.parametrize("missing_bytes", [1, 2, 14])
def test_a_torn_transaction_keeps_redis_from_starting_until_the_file_is_repaired(sandbox, missing_bytes):
    server = sandbox.redis()
    with Redis(port=server.port, decode_responses=True) as redis:
        redis.set("before", "1")
        redis.function_load(FUNCTION)
        redis.fcall("two", 2, "a", "b")
        fault = TornAof(server, missing_bytes=missing_bytes)
        fault.inject()
        with pytest.raises(StartError):
            server.start()
        fault.heal()
        assert redis.mget("before", "a", "b") == ["1", None, None]
    server.kill()


@pytest.mark.parametrize("written_bytes", [1, 15, 40, len(UNFINISHED)])
def test_half_of_a_transaction_is_refused_and_cut_off_and_what_was_answered_is_kept(redis, redis_server, written_bytes):
    fault = HalfWritten(redis_server, written_bytes=written_bytes)
    fault.inject()
    with pytest.raises(StartError):
        redis_server.start()
    fault.heal()
    assert redis.mget("a", "b", "torn") == ["1", "1", None]


def test_a_torn_transaction_is_cut_off_in_silence_where_that_is_allowed(redis, redis_server):
    fault = TornAof(redis_server)
    fault.inject()
    redis_server.start(aof_load_truncated="yes")
    assert redis.mget("a", "b") == [None, None]


def test_settings_are_weakened_and_put_right(redis, redis_server):
    with Weakened(redis_server, appendfsync="everysec", maxmemory_policy="allkeys-lru"):
        assert redis.config_get("appendfsync")["appendfsync"] == "everysec"
        assert redis.config_get("maxmemory-policy")["maxmemory-policy"] == "allkeys-lru"
    assert redis.config_get("appendfsync")["appendfsync"] == "always"
    assert redis.config_get("maxmemory-policy")["maxmemory-policy"] == "noeviction"


def test_full_memory_refuses_writes_and_allows_reads(redis, redis_server):
    with MemoryFull(redis_server):
        with pytest.raises(OutOfMemoryError):
            redis.set("c", "x" * 10_000)
        assert redis.get("a") == "1"
    assert redis.set("c", "x" * 10_000)
