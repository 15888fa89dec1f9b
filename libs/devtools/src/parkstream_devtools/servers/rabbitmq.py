"""A private RabbitMQ node: its own name, cookie, port mapper, plugins and files, and its management interface."""

import os
import shutil
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

from parkstream_devtools.servers.management import Management
from parkstream_devtools.servers.process import Process, answers, free_port

START_SECONDS = 90.0
STOP_SECONDS = 20.0
SCRIPTS = (
    "/usr/lib/rabbitmq/bin/rabbitmq-server",
    "/opt/homebrew/sbin/rabbitmq-server",
    "/usr/local/sbin/rabbitmq-server",
)
_AMQP_HEADER = b"AMQP\x00\x00\x09\x01"
_ERLANG = "+S 2:2 +sbwt none +sbwtdcpu none +sbwtdio none -kernel inet_dist_use_interface {127,0,0,1}"
"""Two schedulers that sleep when there is nothing to do, as the machine is shared; reachable from this machine only."""
_CONFIG = """\
listeners.tcp.default = 127.0.0.1:{port}
management.tcp.ip = 127.0.0.1
management.tcp.port = {management_port}
disk_free_limit.absolute = 64MB
log.console = false
log.file.level = warning
"""


class RabbitServer:
    """A RabbitMQ node; without *wait*, call ``wait_ready`` before use; with *metrics* it has a ``metrics_port``."""

    def __init__(
        self, folder: Path, announce: Callable[[str], None], *, wait: bool = True, metrics: bool = False
    ) -> None:
        self.folder = folder
        self.port = free_port()
        self.management = Management(f"http://127.0.0.1:{free_port()}/api")
        self._mapper_port = free_port()
        folder.mkdir(parents=True, exist_ok=True)
        self.metrics_port = free_port() if metrics else 0
        (folder / "plugins").write_text(f"[rabbitmq_management{',rabbitmq_prometheus' if metrics else ''}].\n")
        management_port = self.management.url.rpartition(":")[2].removesuffix("/api")
        config = _CONFIG.format(port=self.port, management_port=management_port)
        served = f"prometheus.tcp.ip = 127.0.0.1\nprometheus.tcp.port = {self.metrics_port}\n" if metrics else ""
        (folder / "rabbitmq.conf").write_text(config + served)
        self._environ = environ = {**os.environ, **_environ(folder, self.port, self._mapper_port)}
        # Erlang would start a port mapper by itself, as a daemon that outlives the node.
        mapper = [shutil.which("epmd") or "epmd", "-port", str(self._mapper_port)]
        self._mapper = Process("epmd", mapper, environ, folder / "epmd.log", announce)
        self._process = Process("rabbitmq", [script()], environ, folder / "rabbitmq.log", announce)
        self._launch()
        if wait:
            self.wait_ready()

    @property
    def url(self) -> str:
        """Address of the default vhost."""
        return f"amqp://guest:guest@127.0.0.1:{self.port}/"

    @property
    def management_url(self) -> str:
        """Address of the HTTP API."""
        return self.management.url

    @property
    def pid(self) -> int:
        """Process id of the node's start script; the node is its child."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self._process.alive

    def start(self) -> None:
        """Start it (again, with what its files hold) and wait until it takes messages."""
        self._launch()
        self.wait_ready()

    def wait_ready(self) -> None:
        """Wait until it speaks AMQP and its management answers."""
        self._process.wait_until(lambda: answers(self.port, _AMQP_HEADER, b"\x01"), START_SECONDS)
        self._process.wait_until(self.management.answers, START_SECONDS)

    def stop(self) -> None:
        """Stop it in good order."""
        self._process.end(signal.SIGTERM, STOP_SECONDS)
        self._mapper.end(signal.SIGKILL, STOP_SECONDS)

    def kill(self) -> None:
        """Kill the node on the spot (SIGKILL to its whole group)."""
        self._process.signal_group(signal.SIGKILL)
        self._process.end(signal.SIGKILL, STOP_SECONDS)
        self._mapper.end(signal.SIGKILL, STOP_SECONDS)

    def add_vhost(self, name: str) -> str:
        """Make the vhost *name* and return its address."""
        self.management.add_vhost(name)
        return self.url + quote(name, safe="")

    def delete_vhost(self, name: str) -> None:
        """Delete the vhost *name* with all that is in it."""
        self.management.delete_vhost(name)

    def close_connections(self) -> None:
        """Close every client's connection, as an operator would."""
        self.management.close_connections()

    def control(self, *command: str) -> str:
        """Return what ``rabbitmqctl`` answers to *command*; raise ``subprocess.CalledProcessError`` when it fails."""
        program = Path(script()).with_name("rabbitmqctl")
        done = subprocess.run([program, *command], env=self._environ, check=True, capture_output=True, text=True)
        return done.stdout

    def _launch(self) -> None:
        self._mapper.launch()
        self._mapper.wait_until(lambda: answers(self._mapper_port), START_SECONDS)
        self._process.launch()


def script() -> str:
    """Return the script that runs the node as this user; a package's wrapper on PATH may insist on another one."""
    found = next((path for path in SCRIPTS if os.access(path, os.X_OK)), None)
    return found or shutil.which("rabbitmq-server") or "rabbitmq-server"


def _environ(folder: Path, port: int, mapper_port: int) -> dict[str, str]:
    return {
        "HOME": str(folder),  # Erlang's cookie lies there.
        "RABBITMQ_NODENAME": f"parkstream-{port}@localhost",
        "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq"),
        "RABBITMQ_CONF_ENV_FILE": os.devnull,
        "RABBITMQ_MNESIA_BASE": str(folder / "data"),
        "RABBITMQ_LOG_BASE": str(folder / "log"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
        "RABBITMQ_GENERATED_CONFIG_DIR": str(folder / "generated"),
        "RABBITMQ_DIST_PORT": str(free_port()),
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": _ERLANG,
        "ERL_CRASH_DUMP": str(folder / "erl_crash.dump"),
        "ERL_EPMD_PORT": str(mapper_port),
        "ERL_EPMD_ADDRESS": "127.0.0.1",
    }
