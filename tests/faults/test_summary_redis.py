import os
import signal

import pytest
from parkstream_devtools.faults import MemoryFull
from parkstream_devtools.redis_functions import load_functions
from parkstream_events.keys import SummaryApiKeys
from parkstream_events.units import DAY_US
from redis import Redis
from redis.exceptions import OutOfMemoryError
from summary_client import Client, environ, eventually
from summary_items import body, item, lines_of
from summary_posters import Posters

MODULE = "parkstream_summary_api"


@pytest.fixture
def file(tmp_path):
    return tmp_path / "summaries.jsonl"


@pytest.fixture
def forgetful_redis(sandbox):
    """A Redis that knows nothing after a restart."""
    server = sandbox.redis(appendonly="no")
    yield server
    server.kill()


def test_without_redis_nothing_is_written_and_everything_may_come_again(run_service, file, redis_server, mall):
    client = Client(run_service(MODULE, environ(file, redis_server.url, mall)).port)
    client.post(item(1))
    redis_server.kill()
    refused = client.ask("/v1/summaries", body(item(1), item(2)))
    assert refused.status == 503
    assert int(refused.headers["retry-after"]) > 0
    assert "Redis" in refused.json["detail"] or "index" in refused.json["detail"]
    assert client.ask("/health/ready").status == 503
    assert client.ask("/health/live").status == 200
    assert client.ask("/v1/stats").status == 503
    assert client.visit("exit:1").status == 503
    redis_server.start()
    eventually(lambda: client.ask("/health/ready").status == 200)
    assert client.post(item(1), item(2), item(1, position=5)) == ["duplicate", "written", "conflict"]
    assert len(lines_of(file.read_bytes())) == 2


def test_it_starts_before_redis_does(run_service, file, redis_server, mall):
    redis_server.stop()
    process = run_service(MODULE, environ(file, redis_server.url, mall), ready=False)
    client = Client(process.port)
    eventually(lambda: _answers(client))
    assert client.ask("/v1/summaries", body(item(1))).status == 503
    redis_server.start()
    process.wait_ready()
    assert client.post(item(1)) == ["written"]


def test_a_redis_that_hangs_does_not_hang_us(run_service, file, redis_server, mall):
    client = Client(run_service(MODULE, environ(file, redis_server.url, mall)).port)
    client.post(item(1))
    os.kill(redis_server.pid, signal.SIGSTOP)
    try:
        assert client.ask("/v1/summaries", body(item(2))).status == 503
    finally:
        os.kill(redis_server.pid, signal.SIGCONT)
    eventually(lambda: client.ask("/health/ready").status == 200)
    assert client.post(item(1), item(2)) == ["duplicate", "written"]


@pytest.mark.parametrize("server", ["redis_server", "forgetful_redis"])
def test_nothing_is_lost_or_written_twice_when_redis_is_killed(request, run_service, file, mall, server):
    redis = request.getfixturevalue(server)
    process = run_service(MODULE, environ(file, redis.url, mall))
    with Posters(process.port).running() as posters:
        for _ in range(5):
            posters.wait_for(200)
            redis.kill()
            eventually(lambda: posters.refused[503] > 0)
            redis.start()
            if server == "forgetful_redis":
                load_functions(redis.url)  # As somebody does who may; the service waits for it.
            posters.refused.clear()
        posters.wait_for(200)
    posters.check(file)
    stats = Client(process.port).stats()
    assert (stats["lines"], stats["bytes"]) == (len(set(posters.acknowledged)), file.stat().st_size)


def test_a_full_redis_takes_what_is_delivered_and_forgets_nothing(run_service, file, redis_server, mall):
    client = Client(run_service(MODULE, environ(file, redis_server.url, mall)).port)
    old, new = ([item(f"{number}@{at_us}") for number in range(50)] for at_us in (1, DAY_US))
    client.post(*old)
    with Redis.from_url(redis_server.url, db=3) as redis:
        assert redis.delete(SummaryApiKeys(mall).index_day(0)) == 1
        with MemoryFull(redis_server, left_bytes=-500_000):
            with pytest.raises(OutOfMemoryError):
                redis.set("more", 1)
            assert client.post(*old, *new) == ["duplicate"] * 50 + ["written"] * 50  # The old day is restored.
            assert client.post(*old, *new) == ["duplicate"] * 100
            assert client.visit(old[0].visit_id).status == 200
    assert client.stats()["lines"] == len(lines_of(file.read_bytes())) == 100


def _answers(client: Client) -> bool:
    try:
        return client.ask("/health/live").status == 200
    except OSError:
        return False
