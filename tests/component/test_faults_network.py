import gc
import gzip
import http.client
import io
import socket
import threading
import urllib.error
import urllib.request
from contextlib import ExitStack

import pytest
from parkstream_devtools.faults import (
    Answer,
    Api,
    Blackhole,
    Cut,
    HalfOpen,
    OneByteAPacket,
    Proxy,
    RedisCalls,
    Slow,
    answers,
)
from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError


@pytest.fixture
def proxy(redis_server):
    with Proxy(redis_server.port) as between:
        yield between


def connect(proxy):
    return socket.create_connection(("127.0.0.1", proxy.port), timeout=60)


def ping(connection):
    connection.sendall(b"PING\r\n")
    return connection.recv(16)


def is_hung_up(connection):
    try:
        return not ping(connection)
    except ConnectionError:
        return True


def hears_nothing(connection):
    connection.setblocking(False)
    try:
        connection.recv(16)
    except BlockingIOError:
        return True
    finally:
        connection.setblocking(True)
    return False


def test_what_is_led_elsewhere_closes_connections_and_reaches_another_server(proxy, redis_server):
    with connect(proxy) as before, Api(Answer(body=b"elsewhere")) as other:
        assert ping(before) == b"+PONG\r\n"
        proxy.lead_to(other.port)
        assert is_hung_up(before)
        with urllib.request.urlopen(f"http://127.0.0.1:{proxy.port}") as answer:
            assert answer.read() == b"elsewhere"
        proxy.lead_to(redis_server.port)
        with connect(proxy) as after:
            assert ping(after) == b"+PONG\r\n"


def test_what_is_cut_off_for_some_clients_reaches_the_others_who_keep_their_connections(proxy):
    with (
        connect(proxy) as here,
        socket.create_connection(("127.0.0.1", proxy.port), timeout=60, source_address=("127.0.0.2", 0)) as there,
    ):
        assert ping(here) == ping(there) == b"+PONG\r\n"
        with Blackhole(proxy, only_of=frozenset({"127.0.0.2"})):
            there.sendall(b"PING\r\n")
            assert ping(here) == b"+PONG\r\n"
            assert hears_nothing(there)
        assert is_hung_up(there)
        assert ping(here) == b"+PONG\r\n"


def test_what_is_cut_is_reset_and_healed_connections_work(proxy):
    with connect(proxy) as before:
        assert ping(before) == b"+PONG\r\n"
        with Cut(proxy):
            assert is_hung_up(before)
            with pytest.raises(RedisConnectionError):
                Redis(port=proxy.port).ping()
    assert Redis(port=proxy.port).ping()


@pytest.mark.parametrize(("fault", "reaches_server"), [(Blackhole, False), (HalfOpen, False)])
def test_what_is_sent_into_a_hole_vanishes_and_the_connection_stays_open(proxy, redis_server, fault, reaches_server):
    direct = Redis(port=redis_server.port)
    with connect(proxy) as connection:
        assert ping(connection) == b"+PONG\r\n"
        with fault(proxy):
            connection.sendall(b"SET swallowed 1\r\n")
            with connect(proxy) as other:
                other.sendall(b"PING\r\n")  # By the time that this is swallowed, so is what was sent before.
                assert hears_nothing(connection)
                assert hears_nothing(other)
        assert bool(direct.exists("swallowed")) is reaches_server
        assert connection.recv(16) == b"", "healing hangs up on those who lost bytes"
    assert Redis(port=proxy.port).ping()


def test_through_a_half_open_connection_the_server_is_still_heard(proxy, redis_server):
    direct = Redis(port=redis_server.port)
    with connect(proxy) as connection:
        connection.sendall(b"SUBSCRIBE news\r\n")
        assert b"subscribe" in connection.recv(128)
        with HalfOpen(proxy):
            direct.publish("news", "heard")
            assert b"heard" in connection.recv(128)


def test_slow_and_byte_by_byte_answers_are_whole(proxy):
    value = "x" * 5_000
    for fault in (Slow(proxy, 0.01), OneByteAPacket(proxy)):
        with fault:
            redis = Redis(port=proxy.port)
            redis.set("key", value)
            assert redis.get("key") == value.encode()


def test_a_lost_answer_is_that_of_a_command_which_was_done(proxy, redis_server):
    with connect(proxy) as connection:
        proxy.lose_answers(1)
        connection.sendall(b"SET done 1\r\n")
        assert connection.recv(16) == b""
    assert Redis(port=redis_server.port).get("done") == b"1"


@pytest.mark.parametrize("server", [Proxy, RedisCalls])
def test_a_connection_that_is_not_through_yet_ends_with_its_server(server):
    with ExitStack() as stack:
        full = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(3):  # What there is no room for is neither taken nor refused.
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(full.getsockname())
        with server(full.getsockname()[1]) as between:
            clients = [stack.enter_context(connect(between)) for _ in range(5)]
        assert all(is_hung_up(client) for client in clients)
    gc.collect()  # What is left open anyhow is a warning, and that an error of this test.


def test_an_api_answers_as_it_is_told():
    with Api(Answer(status=422, headers={"Content-Type": "text/html"}, body=b"<p>")) as api:
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(urllib.request.Request(api.url, data=b"{}"), timeout=60)
        with refused.value as answer:
            assert (answer.status, answer.headers["content-type"], answer.read()) == (422, "text/html", b"<p>")
        api.answer = Answer(status=503, headers={"Retry-After": "99999"})
        with pytest.raises(urllib.error.HTTPError) as away:
            urllib.request.urlopen(api.url, timeout=60)
        with away.value as answer:
            assert answer.headers["retry-after"] == "99999"
    assert api.requests == ["POST /", "GET /"]


def test_a_bomb_is_small_on_the_wire_and_large_unpacked():
    answer = answers()["bomb"]
    assert len(answer.body) < 500_000
    with gzip.GzipFile(fileobj=io.BytesIO(answer.body)) as unpacked:
        assert len(unpacked.read(50_000_000)) == 50_000_000


def test_half_an_answer_ends_and_one_that_hangs_does_not():
    kinds = answers()
    with Api(kinds["half"]) as api, pytest.raises(Exception, match="IncompleteRead"):
        urllib.request.urlopen(api.url, timeout=60).read()
    with Api(kinds["hangs"]) as api:
        answer = urllib.request.urlopen(api.url, timeout=60)
        assert answer.read(1) == b"{"
        ends: list[Exception] = []
        reading = threading.Thread(target=read_to_the_end, args=(answer, ends))
        reading.start()
        assert ends == []
        api.release()
        reading.join()
        assert [type(error) for error in ends] == [http.client.IncompleteRead]
        answer.close()


def read_to_the_end(answer, ends):
    try:
        answer.read()
    except http.client.IncompleteRead as error:
        ends.append(error)
