import pytest
from parkstream_devtools.faults import Ending, RedisCalls
from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ExecAbortError, InvalidResponse, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

FUNCTION = """#!lua name=odd
redis.register_function('odd_set_3', function(keys, args) return redis.call('SET', keys[1], args[1]) end)
"""


@pytest.fixture
def calls(redis_server):
    with RedisCalls(redis_server.port) as between:
        yield between


@pytest.fixture
def client(calls):
    with Redis(port=calls.port, protocol=2, retry=None, socket_timeout=60) as client:
        client.ping()
        yield client


@pytest.mark.parametrize(
    ("way", "error", "reached"),
    [
        (Ending.RESET, RedisConnectionError, False),
        (Ending.CLOSED, RedisConnectionError, False),
        (Ending.RESET_ANSWER, RedisConnectionError, True),
        (Ending.CLOSED_ANSWER, RedisConnectionError, True),
        (Ending.HALF_ANSWER, RedisConnectionError, True),
        (Ending.GARBAGE, InvalidResponse, True),
        (Ending.BLACK_HOLE, RedisTimeoutError, False),
        ("MISCONF no disk", ResponseError, False),
    ],
)
def test_a_call_ends_as_planned_and_the_next_one_is_answered(calls, client, way, error, reached):
    calls.plan({"SET": [way]})
    if way is Ending.BLACK_HOLE:
        for connection in client.connection_pool._get_free_connections():
            connection.update_current_socket_timeout(1)
    with pytest.raises(error):
        client.set("key", "value")
    assert client.exists("key") == reached
    assert client.set("key", "again")
    assert calls.broken == {"SET": [way]}
    assert calls.unbroken() == {}


def test_functions_go_by_their_name_without_version_and_what_is_planned_to_pass_passes(calls, client):
    client.function_load(FUNCTION)
    calls.plan({"odd_set": ["BUSY wait", None, "LOADING wait"], "GET": ["OOM wait"]})
    for _ in range(2):
        with pytest.raises((ResponseError, RedisConnectionError)):
            client.fcall("odd_set_3", 1, "key", "value")
        assert client.fcall("odd_set_3", 1, "key", "value")
    assert calls.calls["odd_set"] == 4
    assert calls.unbroken() == {"GET": ["OOM wait"]}


@pytest.mark.parametrize("name", ["MULTI", "SET", "EXEC"])
def test_a_transaction_with_a_refused_command_changes_nothing(calls, client, name):
    calls.plan({name: ["BUSY wait"]})
    for begun in (False, True):
        with client.pipeline(transaction=True) as pipeline:
            pipeline.set("key", "value")
            pipeline.get("key")
            if begun:
                assert pipeline.execute() == [True, b"value"]
            else:
                with pytest.raises((ExecAbortError, ResponseError), match="BUSY"):
                    pipeline.execute()
                assert not client.exists("key")


def test_every_name_can_be_broken_when_it_is_first_called(calls, client):
    calls.plan_every_name(lambda _: [Ending.CLOSED])
    for ask in (client.get, client.exists):
        with pytest.raises(RedisConnectionError):
            ask("key")
        ask("key")
    assert set(calls.broken) == {"GET", "EXISTS"}
    calls.plan({"GET": [Ending.CLOSED]})
    calls.pass_all()
    client.get("key")
    client.set("key", "value")
