"""How Redis is talked to, without a Redis."""

import asyncio

import pytest
from parkstream_eventlog.redis_reader import BLOCK_MS
from parkstream_service.redis import SOCKET_TIMEOUT_SECONDS, Library, code_of, connect, is_transient
from parkstream_service.redis.client import PackingConnection, PackingSSLConnection
from redis import exceptions
from redis._parsers.base import BaseParser
from redis.asyncio.connection import Connection


def answered(reply: str) -> Exception:
    """Return what redis-py makes of an error that Redis answers with."""
    return BaseParser.parse_error(reply)


@pytest.mark.parametrize(
    "error",
    [
        exceptions.ConnectionError("lost"),
        exceptions.MaxConnectionsError("many"),
        exceptions.TimeoutError("slow"),
        exceptions.OutOfMemoryError("full"),
        exceptions.ReadOnlyError("replica"),
        ConnectionResetError("by peer"),
        exceptions.AuthenticationError("Authentication required."),
        exceptions.InvalidResponse('Protocol error, got "H" as reply type byte'),
        answered("BUSY Redis is busy running a script"),
        answered("CLUSTERDOWN Hash slot not served"),
        answered("ERR max number of clients reached"),
        answered("DENIED Redis is running in protected mode"),
        answered("EXECABORT Transaction discarded because of: BUSY Redis is busy running a script"),
        answered("EXECABORT Transaction discarded because of: MISCONF Errors writing to the AOF file"),
        answered("EXECABORT Transaction discarded because of: NOPERM User has no permissions"),
        answered("LOADING Redis is loading the dataset in memory"),
        answered("MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'."),
        answered("MISCONF Errors writing to the AOF file"),
        answered("NOAUTH Authentication required."),
        answered("NOPERM User has no permissions"),
        answered("NOREPLICAS Not enough good replicas to write."),
        answered("NOSCRIPT No matching script."),
        answered("OOM command not allowed when used memory > 'maxmemory'."),
        answered("READONLY You can't write against a read only replica."),
        answered("TRYAGAIN Multiple keys request during rehashing of slot"),
        answered("UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)"),
        answered("WRONGPASS invalid username-password pair or user is disabled."),
    ],
)
def test_what_passes_by_itself_is_transient(error: Exception):
    assert is_transient(error)


@pytest.mark.parametrize(
    "error",
    [
        exceptions.DataError("no such type"),
        RuntimeError("worn out"),
        ValueError("BUSY is not said by Redis here"),
        answered("ERR Function not found"),
        answered("ERR LOADING is no code here"),
        answered("EXECABORT Transaction discarded because of previous errors."),
        answered("WRONGTYPE Operation against a key"),
    ],
)
def test_what_stays_is_not(error: Exception):
    assert not is_transient(error)


@pytest.mark.parametrize(
    ("reply", "code"),
    [("STALE another one", "STALE"), ("NOGROUP No such key", "NOGROUP"), ("no code at all", ""), ("OOM full", "OOM")],
)
def test_the_code_is_the_first_word_of_the_reply(reply: str, code: str):
    assert code_of(answered(reply)) == code


def test_a_library_is_its_sources_behind_one_header():
    library = Library("parkstream_visits", 7, ("local shared = 1\n", "return shared\n"))
    assert library.source == (
        "#!lua name=parkstream_visits_7\n"
        "local LIBRARY, VERSION = 'parkstream_visits', '7'\n"
        "local shared = 1\n"
        "return shared\n"
    )
    assert library.function("append") == "parkstream_append_7"


@pytest.mark.parametrize("url", ["redis://localhost/1", "redis://localhost:6379/0", "redis://localhost?db=2"])
def test_a_url_names_no_database(url: str):
    with pytest.raises(ValueError, match="must not name a DB"):
        connect(url)


@pytest.mark.parametrize(("scheme", "kind"), [("redis", PackingConnection), ("rediss", PackingSSLConnection)])
def test_the_client_never_repeats_a_command_and_outwaits_a_blocking_one(scheme: str, kind: type):
    url = f"{scheme}://user:secret@example.net:7000"
    pool = connect(url, 3, timeout_seconds=SOCKET_TIMEOUT_SECONDS).connection_pool
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


CLOSED = RuntimeError("unable to perform operation on <TCPTransport closed=True>; the handler is closed")
"""What uvloop raises, whatever is done."""


class ClosedReader:
    """What reads from a transport that uvloop has closed."""

    async def read(self, _):
        raise CLOSED


async def test_what_is_read_from_a_closed_transport_is_a_lost_connection():
    connection = PackingConnection(socket_timeout=60)
    connection._reader, connection._writer = ClosedReader(), Writer()
    connection._parser.on_connect(connection)
    with pytest.raises(exceptions.ConnectionError):
        await connection.read_response()
    assert not connection.is_connected


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
        connection = PackingConnection(socket_timeout=60)
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
    done, _ = await asyncio.wait({sending}, timeout=60)
    assert done, "it goes on as if nobody had cancelled it"
    assert sending.cancelled()


async def test_what_goes_wrong_while_something_is_sent_is_told_as_redis_errors_and_the_connection_is_left():
    lost = exceptions.ConnectionError
    for raised, told in ((TimeoutError(), exceptions.TimeoutError), (OSError("reset"), lost), (CLOSED, lost)):
        connection = PackingConnection(socket_timeout=60)
        connection._reader, connection._writer = asyncio.StreamReader(), Writer()
        connection._writer.drain = failing(raised)
        with pytest.raises(told):
            await connection.send_packed_command([b"PING"], check_health=False)
        assert not connection.is_connected


def failing(error):
    async def drain():
        raise error

    return drain
