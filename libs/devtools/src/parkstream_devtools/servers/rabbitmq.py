"""A private RabbitMQ node: its own name, cookie, port mapper, plugins and files, and its management interface.

As a member of a cluster it shares cookie and port mapper with the others.
"""

import base64
import hashlib
import json
import os
import secrets
import shutil
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, Self
from urllib.parse import quote

from parkstream_devtools.private_files import write_private
from parkstream_devtools.servers.management import Management
from parkstream_devtools.servers.process import Process, Started, answers, free_port

START_SECONDS = 240.0
STOP_SECONDS = 60.0
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
max_message_size = 98304
log.console = false
log.file.level = warning
"""


class Mapper:
    """The port mapper of one node, or of those of one cluster, in a process that ends with them.

    Erlang would start one by itself, as a daemon that outlives the node.
    """

    def __init__(self, folder: Path, announce: Callable[[str], None]) -> None:
        self.port = free_port()
        self.home = folder
        """Erlang's cookie lies there: nodes that share it may talk to each other."""
        command = [shutil.which("epmd") or "epmd", "-port", str(self.port)]
        environ = {**os.environ, "ERL_EPMD_ADDRESS": "127.0.0.1"}
        self._process = Process("epmd", command, environ, folder / "epmd.log", announce)

    def launch(self) -> None:
        """Start it unless it runs, and wait until it answers."""
        if not self._process.alive:
            self._process.launch()
        self._process.wait_until(lambda: answers(self.port), START_SECONDS)

    def kill(self) -> None:
        """End it."""
        if self._process.alive:
            self._process.end(signal.SIGKILL, STOP_SECONDS)


class Membership(NamedTuple):
    """What makes a node one of a cluster."""

    node: str
    mapper: Mapper
    config: str = ""
    """What rabbitmq.conf says of the cluster."""
    erlang: str = ""
    """Options of Erlang beside that."""

    @classmethod
    def alone(cls, folder: Path, announce: Callable[[str], None]) -> Self:
        """Return that of a node that is in none."""
        return cls("parkstream@localhost", Mapper(folder, announce))


class RabbitServer(Started):
    """A RabbitMQ node; without *wait*, call ``wait_ready`` before use; with *metrics* it has a ``metrics_port``.

    With a *password* that is the one of its user guest, from this start on. A *membership* is of a cluster.
    """

    def __init__(  # noqa: PLR0913 - options by name
        self,
        folder: Path,
        announce: Callable[[str], None],
        *,
        wait: bool = True,
        metrics: bool = False,
        password: str = "",
        membership: Membership | None = None,
    ) -> None:
        self.folder = folder
        self.port = free_port()
        self._password = password or "guest"
        self.management = Management(f"http://127.0.0.1:{free_port()}/api", self._password)
        folder.mkdir(parents=True, exist_ok=True)
        self._shares_mapper = membership is not None
        of = membership or Membership.alone(folder, announce)
        self.node, self._mapper = of.node, of.mapper
        self.metrics_port = free_port() if metrics else 0
        (folder / "plugins").write_text(f"[rabbitmq_management{',rabbitmq_prometheus' if metrics else ''}].\n")
        management_port = self.management.url.rpartition(":")[2].removesuffix("/api")
        config = _CONFIG.format(port=self.port, management_port=management_port)
        served = f"prometheus.tcp.ip = 127.0.0.1\nprometheus.tcp.port = {self.metrics_port}\n" if metrics else ""
        users = f"load_definitions = {_guarded(folder, password)}\n" if password else ""
        (folder / "rabbitmq.conf").write_text(config + served + users + of.config)
        self._environ = environ = {**os.environ, **_environ(folder, of)}
        super().__init__(Process("rabbitmq", [script()], environ, folder / "rabbitmq.log", announce))
        self.launch()
        if wait:
            self.wait_ready()

    @property
    def url(self) -> str:
        """Address of the default vhost."""
        return f"amqp://guest:{self._password}@127.0.0.1:{self.port}/"

    @property
    def management_url(self) -> str:
        """Address of the HTTP API."""
        return self.management.url

    def start(self) -> None:
        """Start it (again, with what its files hold) and wait until it takes messages."""
        self.launch()
        self.wait_ready()

    def wait_ready(self) -> None:
        """Wait until it speaks AMQP and its management answers."""
        self._process.wait_until(lambda: answers(self.port, _AMQP_HEADER, b"\x01"), START_SECONDS)
        self._process.wait_until(self.management.answers, START_SECONDS)

    def wait_until(self, ready: Callable[[], bool]) -> None:
        """Return when *ready* says so; raise ``StartError`` when it ends before, or that takes too long."""
        self._process.wait_until(ready, START_SECONDS)

    def stop(self) -> None:
        """Stop it in good order."""
        self._process.end(signal.SIGTERM, STOP_SECONDS)
        self._leave_mapper()

    def kill(self) -> None:
        """Kill the node on the spot (SIGKILL to its whole group)."""
        self._process.signal_group(signal.SIGKILL)
        self._process.end(signal.SIGKILL, STOP_SECONDS)
        self._leave_mapper()

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
        return self.run("rabbitmqctl", *command)

    def run(self, tool: str, *words: str) -> str:
        """Return what *tool* (rabbitmq-queues, …) answers to *words*; raise as ``control`` does."""
        program = Path(script()).with_name(tool)
        done = subprocess.run([program, *words], env=self._environ, check=True, capture_output=True, text=True)
        return done.stdout

    def launch(self) -> None:
        """Start it, and do not wait."""
        self._mapper.launch()
        self._process.launch()

    def _leave_mapper(self) -> None:
        if not self._shares_mapper:
            self._mapper.kill()


def script() -> str:
    """Return the script that runs the node as this user; a package's wrapper on PATH may insist on another one."""
    found = next((path for path in SCRIPTS if os.access(path, os.X_OK)), None)
    return found or shutil.which("rabbitmq-server") or "rabbitmq-server"


def _guarded(folder: Path, password: str) -> Path:
    """Return the definitions by which guest has *password*; RabbitMQ reads them at each start."""
    file, salt = folder / "definitions.json", secrets.token_bytes(4)
    hashed = base64.b64encode(salt + hashlib.sha256(salt + password.encode()).digest()).decode()
    everything = {"configure": ".*", "write": ".*", "read": ".*"}
    definitions = {
        "users": [{"name": "guest", "password_hash": hashed, "tags": ["administrator"]}],
        "vhosts": [{"name": "/"}],
        "permissions": [{"user": "guest", "vhost": "/", **everything}],
    }
    write_private(file, json.dumps(definitions).encode())
    return file


def _environ(folder: Path, of: Membership) -> dict[str, str]:
    return {
        "HOME": str(of.mapper.home),  # Erlang's cookie lies there.
        "RABBITMQ_NODENAME": of.node,  # Its files are under this name; its port mapper knows no other.
        "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq"),
        "RABBITMQ_CONF_ENV_FILE": os.devnull,
        "RABBITMQ_MNESIA_BASE": str(folder / "data"),
        "RABBITMQ_LOG_BASE": str(folder / "log"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
        "RABBITMQ_GENERATED_CONFIG_DIR": str(folder / "generated"),
        "RABBITMQ_DIST_PORT": str(free_port()),
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": f"{_ERLANG} {of.erlang}",
        "ERL_CRASH_DUMP": str(folder / "erl_crash.dump"),
        "ERL_EPMD_PORT": str(of.mapper.port),
        "ERL_EPMD_ADDRESS": "127.0.0.1",
    }
