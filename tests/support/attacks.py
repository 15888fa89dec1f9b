"""Strangers who take what they can get of a server: sockets that send too much, too slowly, or read nothing."""

import re
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import repeat
from pathlib import Path
from urllib.request import urlopen

import psutil

MIB = 1 << 20
PATIENCE_SECONDS = 240.0
CHUNK = b"a" * 65_536


def peak_bytes(pid: int) -> int:
    """Return the most memory that the process *pid* ever had."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found is not None
    return int(found[1]) * 1024


def open_sockets(pid: int) -> int:
    """Return how many sockets the process *pid* has open."""
    return sum(one.type == socket.SOCK_STREAM for one in psutil.Process(pid).net_connections("tcp"))


def connected(port: int, receive_bytes: int = 0) -> socket.socket:
    """Return a connection that takes no more than about *receive_bytes* that nobody reads."""
    connection = socket.socket()
    if receive_bytes:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
    connection.settimeout(PATIENCE_SECONDS)
    connection.connect(("127.0.0.1", port))
    return connection


def answer_of(connection: socket.socket) -> bytes:
    """Return all that the server says until it hangs up."""
    said = b""
    try:
        while more := connection.recv(65_536):
            said += more
    except ConnectionError:
        return said
    return said


def begin_of(connection: socket.socket) -> bytes:
    """Return what the server says first; nothing when it has hung up."""
    try:
        return connection.recv(65_536)
    except ConnectionError:
        return b""


def status_of(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1]) if answer else 0


def said_to(port: int, sent: bytes) -> bytes:
    """Return what the server answers to *sent* until it hangs up."""
    with connected(port) as connection:
        connection.sendall(sent)
        return answer_of(connection)


def flooded(port: int, head: bytes, bytes_max: int, chunk: bytes = CHUNK) -> bool:
    """Send *head* and then *chunk* again and again; return whether the server took all of *bytes_max*."""
    with connected(port) as connection:
        try:
            connection.sendall(head)
            for part in repeat(chunk, bytes_max // len(chunk)):
                connection.sendall(part)
        except ConnectionError:
            return False
    return True


@contextmanager
def crowd(port: int, count: int, sent: bytes) -> Iterator[list[socket.socket]]:
    """Keep *count* connections open that have each sent *sent*."""
    with ExitStack() as stack:
        connections = [stack.enter_context(connected(port)) for _ in range(count)]
        for connection in connections:
            send_or_be_cut(connection, sent)
        yield connections


def send_or_be_cut(connection: socket.socket, sent: bytes) -> bool:
    """Send *sent*; return whether the server took it."""
    try:
        connection.sendall(sent)
    except (ConnectionError, BlockingIOError):
        return False
    return True


def live(port: int) -> int:
    """Return the status of ``/health/live``."""
    with urlopen(f"http://127.0.0.1:{port}/health/live", timeout=PATIENCE_SECONDS) as answer:
        return int(answer.status)


def refusals(port: int) -> Callable[[str], int]:
    """Return how many requests were refused by now, by reason."""
    with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=PATIENCE_SECONDS) as answer:
        text = answer.read().decode()

    def of(reason: str) -> int:
        found = re.search(rf'^parking_http_refused_total{{[^}}]*reason="{reason}"[^}}]*}} (\S+)', text, re.MULTILINE)
        assert found is not None, text
        return int(float(found[1]))

    return of
