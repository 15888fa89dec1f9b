import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from parkstream_devtools.faults import Clock, ClockStepped, Frozen, Killed, NoFaketimeError, NoMountError
from parkstream_devtools.faults.clocks import library
from parkstream_devtools.faults.disks import DiskFull, ReadOnly, SmallDisk
from parkstream_devtools.faults.processes import members_of
from redis import Redis

HOUR_SECONDS = 3_600


def client(server, **options):
    return Redis(port=server.port, socket_timeout=30, **options)


def absent(what: str) -> None:
    (pytest.fail if os.environ.get("CI") else pytest.skip)(what)


def test_what_is_killed_is_gone_and_comes_back_with_its_data(redis_server):
    client(redis_server).set("kept", "1")
    with Killed(redis_server, redis_server.start):
        assert not redis_server.alive
    assert client(redis_server).get("kept") == b"1"


def test_what_is_frozen_keeps_its_connections_and_answers_when_it_goes_on(redis_server):
    redis = client(redis_server, single_connection_client=True)
    redis.ping()
    with socket.create_connection(("127.0.0.1", redis_server.port)) as connection:
        with Frozen(redis_server):
            connection.sendall(b"PING\r\n")
            connection.setblocking(False)
            with pytest.raises(BlockingIOError):
                connection.recv(16)
        connection.setblocking(True)
        assert connection.recv(16) == b"+PONG\r\n"
    assert redis.ping()


def test_freezing_reaches_every_process_of_a_group(rabbitmq_server):
    members = members_of(rabbitmq_server.pid)
    assert len(members) > 1
    with Frozen(rabbitmq_server):
        assert {state_of(pid) for pid in members} <= {"T", "Z", "t"}
    assert rabbitmq_server.management.answers()


def state_of(pid):
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


@pytest.fixture
def clock(tmp_path) -> Clock:
    try:
        library()
    except NoFaketimeError as error:
        absent(str(error))
    return Clock(tmp_path / "clock")


def test_a_stepped_clock_is_seen_by_redis_and_python_and_no_other_clock_moves(sandbox, clock):
    server = sandbox.redis(clock.environ)
    script = "import time\nwhile input(): print(time.time(), time.clock_gettime(time.CLOCK_BOOTTIME), flush=True)"
    python = subprocess.Popen(
        [sys.executable, "-c", script],
        env={**os.environ, **clock.environ},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )

    def ahead():
        python.stdin.write("tell\n")
        python.stdin.flush()
        wall, boot = map(float, python.stdout.readline().split())
        in_redis = client(server).time()[0]
        true_boot = time.clock_gettime(time.CLOCK_BOOTTIME)
        return [round((value - time.time()) / HOUR_SECONDS) for value in (wall, in_redis)], abs(boot - true_boot) < 600

    assert ahead() == ([0, 0], True)
    with ClockStepped(clock, offset_seconds=8 * 24 * HOUR_SECONDS):
        assert ahead() == ([192, 192], True)
    assert ahead() == ([0, 0], True)
    with ClockStepped(clock, offset_seconds=-2 * HOUR_SECONDS):
        assert ahead() == ([-2, -2], True)
    python.stdin.write("\n")
    python.communicate()
    server.kill()


def test_one_clock_steps_without_the_other(sandbox, clock, tmp_path):
    ours, other = sandbox.redis(clock.environ), sandbox.redis(Clock(tmp_path / "other").environ)
    with ClockStepped(clock, offset_seconds=24 * HOUR_SECONDS):
        apart = client(ours).time()[0] - client(other).time()[0]
        assert round(apart / HOUR_SECONDS) == 24
    ours.kill()
    other.kill()


@pytest.fixture
def small_disk(tmp_path):
    try:
        with SmallDisk(tmp_path / "disk", 256 * 1024) as disk:
            yield disk
    except NoMountError as error:
        absent(str(error))


def test_a_full_disk_takes_what_is_left_and_then_nothing(small_disk):
    file = small_disk.folder / "file"
    with DiskFull(small_disk, left_bytes=8 * 1024), file.open("wb", buffering=0) as opened:
        assert opened.write(bytes(4096)) == 4096
        with pytest.raises(OSError, match="No space left"):
            write_often(opened)
    assert file.write_bytes(bytes(100_000)) == 100_000


def write_often(opened):
    for _ in range(10):
        opened.write(bytes(4096))


def test_a_read_only_disk_refuses_writes_until_it_is_healed(small_disk):
    with ReadOnly(small_disk), pytest.raises(OSError, match="Read-only"):
        (small_disk.folder / "file").write_bytes(b"x")
    (small_disk.folder / "file").write_bytes(b"x")
