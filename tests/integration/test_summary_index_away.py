"""However a connection to Redis ends, under any call of the index: it is away, and nothing else fails."""

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from parkstream_events.keys import SummaryApiKeys
from parkstream_service.redis import connect
from parkstream_summary_api.core.ledger import NOTHING_INDEXED, Ledger
from parkstream_summary_api.index import Index, IndexAwayError
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import BusyLoadingError, ClusterDownError, ReadOnlyError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError
from summary_items import item

CALLS: dict[str, Callable[[Index], Awaitable[object]]] = {
    "mark": lambda index: index.mark(),
    "look_up": lambda index: index.look_up(["exit:1@1", "exit:2"]),
    "commit": lambda index: index.commit(ledger()),
    "begin_restoring": lambda index: index.begin_restoring(1),
    "restoring": lambda index: index.restoring(1, ["exit:1@1"]),
    "restore": lambda index: index.restore(1, {"exit:1@1": b"x" * 21}),
    "restored": lambda index: index.restored(1, b"0 1"),
    "drop": lambda index: index.drop([1]),
    "counters": lambda index: index.counters(),
    "forget": lambda index: index.forget(),
}
TRANSPORT = "<TCPTransport closed=True reading=False 0x55d0>"
ENDS = [
    RuntimeError(f"unable to perform operation on {TRANSPORT}; the handler is closed"),  # As uvloop has it.
    ConnectionResetError(104, "Connection reset by peer"),
    BrokenPipeError(32, "Broken pipe"),
    RedisTimeoutError("Timeout reading from socket"),
    ReadOnlyError("READONLY You can't write against a read only replica."),
    BusyLoadingError("LOADING Redis is loading the dataset in memory"),
    ClusterDownError("CLUSTERDOWN The cluster is down"),
    ResponseError("UNBLOCKED force unblock from blocking operation"),
    ResponseError("BUSY Redis is busy running a script."),
]


def ledger() -> Ledger:
    taken = Ledger({}, NOTHING_INDEXED)
    taken.take(item("1@1"))
    return taken


@pytest.fixture
async def index(redis_url, mall) -> AsyncIterator[Index]:
    made = Index(connect(redis_url, 3, name="test"), SummaryApiKeys(mall), 8)
    yield made
    await made.close()


@pytest.mark.parametrize("half", ["_send_packed_command", "read_response"])
@pytest.mark.parametrize("end", ENDS, ids=lambda end: type(end).__name__)
@pytest.mark.parametrize("call", CALLS)
async def test_it_is_away_and_comes_back(index, monkeypatch, call, end, half):
    await index.mark()
    with monkeypatch.context() as patched:

        async def fail(*_: object, **__: object) -> None:
            raise end

        patched.setattr(AbstractConnection, half, fail)
        with pytest.raises(IndexAwayError):
            await CALLS[call](index)
    await CALLS[call](index)
