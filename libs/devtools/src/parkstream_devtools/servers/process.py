"""One process in a group of its own, with its output in a file."""

import os
import secrets
import signal
import socket
import subprocess
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

POLL_SECONDS = 0.02
PORTS = range(20_000, 32_000)
"""Below what Linux gives to outgoing connections (ip_local_port_range): none comes between finding and binding."""
CLAIMS_MAX = 64
"""So many ports that were found last are given to nobody else."""
_claims: deque[socket.socket] = deque()


class StartError(Exception):
    """A process did not become ready; the message ends with the last lines it wrote."""


class Process:
    """*command*, started by ``start``; *announce* is called for every group that begins (+) and ends (-)."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        environ: Mapping[str, str],
        output: Path,
        announce: Callable[[str], None],
    ) -> None:
        self.name = name
        self.output = output
        self._command = list(command)
        self._environ = dict(environ)
        self._announce = announce
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Process id, which is that of its group, too."""
        assert self._process is not None, f"{self.name} was not started"
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self._process is not None and self._process.poll() is None

    @property
    def exit_code(self) -> int | None:
        """Its exit code, when it has ended."""
        return self._process.poll() if self._process is not None else None

    def launch(self, command: Sequence[str] | None = None) -> None:
        """Start it, or another *command* in its place; its output is appended to the file."""
        with self.output.open("ab") as output:
            self._process = subprocess.Popen(
                self._command if command is None else list(command),
                env=self._environ,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._announce(f"+ {self._process.pid}")

    def signal_group(self, number: int) -> None:
        """Send signal *number* to the whole group, if anything is left of it."""
        try:
            os.killpg(self.pid, number)
        except ProcessLookupError:
            return

    def end(self, number: int, timeout_seconds: float) -> int:
        """Send signal *number*, wait, kill what is left after *timeout_seconds*, and return the exit code."""
        assert self._process is not None
        if self.alive:
            self._process.send_signal(number)
            try:
                self._process.wait(timeout_seconds)
            except subprocess.TimeoutExpired:
                self._process.kill()
        self.signal_group(signal.SIGKILL)
        code = self._process.wait()
        self._announce(f"- {self.pid}")
        return code

    def wait_until(self, ready: Callable[[], bool], timeout_seconds: float) -> None:
        """Return when *ready* says so; raise ``StartError`` when the process ends or the time is over."""
        deadline = time.monotonic() + timeout_seconds
        while not ready():
            if not self.alive:
                message = f"{self.name} ended with code {self.exit_code}; it wrote:\n{self.last_lines()}"
                raise StartError(message)
            if time.monotonic() > deadline:
                message = f"{self.name} is not ready after {timeout_seconds:g} s; it wrote:\n{self.last_lines()}"
                raise StartError(message)
            time.sleep(POLL_SECONDS)

    def last_lines(self, count: int = 15) -> str:
        """Return the end of its output."""
        if not self.output.exists():
            return ""
        return "\n".join(self.output.read_text(encoding="utf-8", errors="replace").splitlines()[-count:])


class Started:
    """A server or a service: how it is called, whether it runs, and what it wrote."""

    def __init__(self, process: Process) -> None:
        self._process = process

    @property
    def name(self) -> str:
        """What it is called here."""
        return self._process.name

    @property
    def pid(self) -> int:
        """Process id; of RabbitMQ that of its start script, whose child the node is."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self._process.alive

    @property
    def exit_code(self) -> int | None:
        """Its exit code, when it has ended."""
        return self._process.exit_code

    @property
    def output(self) -> Path:
        """The file that holds what it writes."""
        return self._process.output

    def last_lines(self, lines: int = 15) -> str:
        """Return the end of what it wrote."""
        return self._process.last_lines(lines)


def free_port() -> int:
    """Return a TCP port of the loopback address that nobody listens on, and that no outgoing connection is given."""
    while True:
        port = secrets.choice(PORTS)
        if is_free(port) and _claim(port):
            return port


def _claim(port: int) -> bool:
    """Claim *port*, and return whether that was possible: another process may have been given it a moment ago.

    A claim is the UDP port of the same number, which nobody else here uses; it ends with the process.
    """
    claim = socket.socket(type=socket.SOCK_DGRAM)
    try:
        claim.bind(("127.0.0.1", port))
    except OSError:
        claim.close()
        return False
    _claims.append(claim)
    while len(_claims) > CLAIMS_MAX:
        _claims.popleft().close()
    return True


def is_free(port: int) -> bool:
    """Return whether a service could listen on *port* of the loopback address."""
    with socket.socket() as probe, suppress(OSError):
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # As services do: old connections do not matter.
        probe.bind(("127.0.0.1", port))
        return True
    return False


def answers(port: int, question: bytes = b"", expected: bytes = b"") -> bool:
    """Return whether somebody listens on *port* and, to *question*, answers something that begins as *expected*."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
            if question:
                connection.sendall(question)
            return connection.recv(64).startswith(expected) if expected else True
    except OSError:
        return False
