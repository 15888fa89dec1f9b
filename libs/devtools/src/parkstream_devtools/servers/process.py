"""One process in a group of its own, with its output in a file."""

import os
import secrets
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

POLL_SECONDS = 0.02
PORTS = range(20_000, 32_000)
"""Below what Linux gives to outgoing connections (ip_local_port_range): none comes between finding and binding."""


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


def free_port() -> int:
    """Return a TCP port of the loopback address that nobody listens on, and that no outgoing connection is given."""
    while True:
        port = secrets.choice(PORTS)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def answers(port: int, question: bytes = b"", expected: bytes = b"") -> bool:
    """Return whether somebody listens on *port* and, to *question*, answers something that begins as *expected*."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
            if question:
                connection.sendall(question)
            return connection.recv(64).startswith(expected) if expected else True
    except OSError:
        return False
