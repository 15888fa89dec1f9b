"""How Redis is talked to, without a Redis."""

import asyncio
from itertools import islice
from types import SimpleNamespace

import pytest
from parkstream_eventlog import connect, delays_seconds, is_transient, memory_share
from parkstream_eventlog.connection import SOCKET_TIMEOUT_SECONDS, PackingConnection, PackingSSLConnection
from parkstream_eventlog.functions import IMPORT, LOG
from parkstream_eventlog.log import digest_of
from parkstream_eventlog.redis_reader import BLOCK_MS
from parkstream_projection.functions import PROJECTION, VERSIONS
from redis import exceptions
from redis.asyncio.connection import Connection

LIBRARIES = (LOG, IMPORT, PROJECTION, VERSIONS)


@pytest.mark.parametrize(
    "error",
    [
        exceptions.ConnectionError("lost"),
        exceptions.MaxConnectionsError("many"),
        exceptions.TimeoutError("slow"),
        exceptions.BusyLoadingError("loading"),
        exceptions.OutOfMemoryError("full"),
        exceptions.ReadOnlyError("replica"),
        exceptions.ResponseError("MISCONF Errors writing to the AOF file"),
        exceptions.ResponseError("BUSY Redis is busy running a script"),
        exceptions.ResponseError("NOREPLICAS Not enough good replicas to write."),
    ],
)
def test_what_passes_by_itself_is_transient(error: Exception):
    assert is_transient(error)


@pytest.mark.parametrize(
    "error",
    [
        exceptions.AuthenticationError("wrong password"),
        exceptions.NoPermissionError("no"),
        exceptions.ResponseError("WRONGTYPE Operation against a key"),
        exceptions.ResponseError("ERR Function not found"),
        exceptions.DataError("no such type"),
        ValueError("ours"),
    ],
)
def test_what_stays_is_not(error: Exception):
    assert not is_transient(error)


def test_waits_double_up_to_a_limit_and_are_spread():
    for _ in range(20):
        waits = list(islice(delays_seconds(0.1, 1.0), 8))
        limits = [0.1, 0.2, 0.4, 0.8, 1.0, 1.0, 1.0, 1.0]
        assert all(limit / 2 <= wait <= limit for wait, limit in zip(waits, limits, strict=True))
    assert len({next(delays_seconds()) for _ in range(20)}) > 1


@pytest.mark.parametrize("url", ["redis://localhost/1", "redis://localhost:6379/0", "redis://localhost?db=2"])
def test_a_url_names_no_database(url: str):
    with pytest.raises(ValueError, match="must not name a DB"):
        connect(url)


@pytest.mark.parametrize(("scheme", "kind"), [("redis", PackingConnection), ("rediss", PackingSSLConnection)])
def test_the_client_never_repeats_a_command_and_outwaits_a_blocking_one(scheme: str, kind: type):
    pool = connect(f"{scheme}://user:secret@example.net:7000", 3).connection_pool
    connection = pool.make_connection()
    assert type(connection) is kind
    assert connection.retry.get_retries() == 0
    assert (connection.db, connection.host, connection.port) == (3, "example.net", 7000)
    assert connection.socket_timeout == SOCKET_TIMEOUT_SECONDS > 2 * BLOCK_MS / 1000


@pytest.mark.parametrize(
    "command",
    [
        ("PING",),
        ("CONFIG GET", "maxmemory"),
        (b"CONFIG GET", b"maxmemory"),
        ("SET", "ü", b"\x00\r\n", "PX", 1_000_000_000_000),
        ("ZADD", "key", 0.1, "member"),
        ("SET", "key", memoryview(b"body")),
        ("SET", "key", ""),
    ],
)
def test_commands_are_packed_as_redis_py_packs_them(command: tuple):
    plain, packing = Connection(), PackingConnection()
    assert b"".join(packing.pack_command(*command)) == b"".join(map(bytes, plain.pack_command(*command)))


@pytest.mark.parametrize(("maxmemory", "share"), [(0, 0.0), (1000, 0.75)])
async def test_the_share_of_memory_is_counted_as_redis_does(maxmemory: int, share: float):
    async def info(section: str) -> dict[str, int]:
        return {"used_memory": 800, "mem_not_counted_for_evict": 50, "maxmemory": maxmemory}

    assert await memory_share(SimpleNamespace(info=info)) == share


def test_a_changed_library_has_a_new_version():
    """An older process must keep calling what it knows: raise the version of a library, and then this."""
    assert LOG.source.startswith("#!lua name=parkstream_eventlog_3\n")
    found = {library.name: (library.version, digest_of(library.source.encode()).hex()) for library in LIBRARIES}
    assert found == {
        "parkstream_eventlog": (3, "ab1e1b7a77d14c93"),
        "parkstream_import": (2, "ebe1a8b1eabd42af"),
        "parkstream_projection": (4, "e2f614201f35b32b"),
        "parkstream_versions": (2, "37624e9c33c30439"),
    }


class Writer:
    """Takes everything, after a moment."""

    def writelines(self, lines):
        pass

    async def drain(self):
        await asyncio.sleep(0)

    def close(self):
        pass


@pytest.mark.parametrize("steps", range(8))
async def test_a_cancellation_is_never_lost_while_something_is_sent(steps):
    async def send_and_wait_for_ever():
        connection = PackingConnection(socket_timeout=5)
        connection._reader, connection._writer = asyncio.StreamReader(), Writer()
        try:
            await connection.send_packed_command([b"PING"], check_health=False)
            never = asyncio.Event()
            await never.wait()
        finally:
            await connection.disconnect(nowait=True)

    sending = asyncio.create_task(send_and_wait_for_ever())
    for _ in range(steps):
        await asyncio.sleep(0)
    sending.cancel()
    done, _ = await asyncio.wait({sending}, timeout=5)
    assert done, "it goes on as if nobody had cancelled it"
    assert sending.cancelled()


async def test_what_goes_wrong_while_something_is_sent_is_told_as_redis_errors_and_the_connection_is_left():
    for raised, told in ((TimeoutError(), exceptions.TimeoutError), (OSError("reset"), exceptions.ConnectionError)):
        connection = PackingConnection(socket_timeout=5)
        connection._reader, connection._writer = asyncio.StreamReader(), Writer()
        connection._writer.drain = failing(raised)
        with pytest.raises(told):
            await connection.send_packed_command([b"PING"], check_health=False)
        assert not connection.is_connected


def failing(error):
    async def drain():
        raise error

    return drain
