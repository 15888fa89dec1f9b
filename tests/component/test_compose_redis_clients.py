"""A Redis user's connections cannot exhaust the Redis of the containers: whoever takes too much is cut off."""

import socket
from contextlib import ExitStack

import pytest
from attacks import MIB, connected, peak_bytes, send_or_be_cut
from guarded_servers import GuardedRedis
from redis import Redis

MAXMEMORY = 112 * MIB
CONTAINER = 192 * MIB
"""As lite has them."""
KEY = b"parkstream:entry-generator:{mall}:account"


@pytest.fixture(scope="module")
def guarded(sandbox, tmp_path_factory):
    redis = GuardedRedis(tmp_path_factory.mktemp("guarded"), maxmemory=str(MAXMEMORY))
    yield redis
    redis.stop()


def command(*words: bytes) -> bytes:
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in words)


def logged_in(guarded: GuardedRedis) -> socket.socket:
    """Return a camera's connection, which reads next to nothing."""
    user, _, password = guarded.url_of("entry_generator").removeprefix("redis://").partition("@")[0].partition(":")
    connection = connected(guarded.port, receive_bytes=4_096)
    connection.sendall(command(b"AUTH", user.encode(), password.encode()))
    assert connection.recv(64) == b"+OK\r\n"
    return connection


@pytest.fixture
def cameras(guarded: GuardedRedis):
    with ExitStack() as stack:
        yield [stack.enter_context(logged_in(guarded)) for _ in range(16)]


def is_bounded(guarded: GuardedRedis) -> bool:
    with Redis.from_url(guarded.url_of("backend")) as backend:
        return bool(backend.ping()) and peak_bytes(guarded.process.pid) < CONTAINER


def test_what_a_camera_sends_without_end_is_cut_off(guarded: GuardedRedis, cameras: list[socket.socket]):
    for camera in cameras:
        send_or_be_cut(camera, b"*1000\r\n" + command(b"HSET", KEY, b"x", b"a" * 16 * MIB).partition(b"\r\n")[2])
    for camera in cameras:
        send_or_be_cut(camera, b"$30000000\r\n" + b"a" * 25 * MIB)
    assert is_bounded(guarded)


def test_what_a_camera_asks_for_and_does_not_read_is_cut_off(guarded: GuardedRedis, cameras: list[socket.socket]):
    assert send_or_be_cut(cameras[0], command(b"HSET", KEY, b"x", b"a" * 4 * MIB))
    for camera in cameras:
        send_or_be_cut(camera, command(b"HGET", KEY, b"x") * 100)
    assert is_bounded(guarded)
