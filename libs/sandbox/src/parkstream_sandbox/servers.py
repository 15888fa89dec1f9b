"""Private RabbitMQ and Redis: free ports, a folder of their own, nothing shared with what the machine runs."""

import base64
import json
import os
import shutil
import signal
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

from parkstream_sandbox.process import Process, answers, free_port

START_SECONDS = 60.0
STOP_SECONDS = 20.0
RABBITMQ_SCRIPTS = (
    "/usr/lib/rabbitmq/bin/rabbitmq-server",
    "/opt/homebrew/sbin/rabbitmq-server",
    "/usr/local/sbin/rabbitmq-server",
)
_AMQP_HEADER = b"AMQP\x00\x00\x09\x01"
_ERLANG = "+S 2:2 +sbwt none +sbwtdcpu none +sbwtdio none"
"""Two schedulers that sleep when there is nothing to do: the machine is shared with what is measured."""


class RedisServer:
    """A Redis that writes every command to disk before it answers."""

    def __init__(self, folder: Path, announce: Callable[[str], None], config: dict[str, str]) -> None:
        self.folder = folder
        self.port = free_port()
        settings = {
            "port": str(self.port),
            "bind": "127.0.0.1",
            "dir": str(folder),
            "appendonly": "yes",
            "appendfsync": "always",
            "maxmemory-policy": "noeviction",
            "save": "",
            **{name.replace("_", "-"): value for name, value in config.items()},
        }
        folder.mkdir(parents=True, exist_ok=True)
        options = [part for name, value in settings.items() for part in (f"--{name}", value)]
        self._process = Process("redis", ["redis-server", *options], dict(os.environ), folder / "redis.log", announce)
        self.start()

    @property
    def url(self) -> str:
        """Address without a database."""
        return f"redis://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self._process.alive

    def start(self) -> None:
        """Start it (again, with what its files hold) and wait until it answers."""
        self._process.launch()
        self._process.wait_until(lambda: answers(self.port, b"PING\r\n", b"+PONG"), START_SECONDS)

    def stop(self) -> None:
        """Stop it in good order."""
        self._process.end(signal.SIGTERM, STOP_SECONDS)

    def kill(self) -> None:
        """Kill it on the spot (SIGKILL)."""
        self._process.end(signal.SIGKILL, STOP_SECONDS)


class RabbitServer:
    """A RabbitMQ node with its own name, cookie and epmd, and its management interface."""

    def __init__(self, folder: Path, announce: Callable[[str], None], *, wait: bool = True) -> None:
        self.folder = folder
        self.port, self.management_port = free_port(), free_port()
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "rabbitmq.conf").write_text(
            f"listeners.tcp.default = 127.0.0.1:{self.port}\n"
            f"management.tcp.ip = 127.0.0.1\nmanagement.tcp.port = {self.management_port}\n"
            "disk_free_limit.absolute = 64MB\nlog.console = false\nlog.file.level = warning\n"
            "management_agent.disable_metrics_collector = true\n"
        )
        (folder / "plugins").write_text("[rabbitmq_management].\n")
        epmd_port = free_port()
        environ = {
            **os.environ,
            "HOME": str(folder),
            "RABBITMQ_NODENAME": f"parkstream-{self.port}@localhost",
            "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq"),
            "RABBITMQ_CONF_ENV_FILE": os.devnull,
            "RABBITMQ_MNESIA_BASE": str(folder / "data"),
            "RABBITMQ_LOG_BASE": str(folder / "log"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
            "RABBITMQ_GENERATED_CONFIG_DIR": str(folder / "generated"),
            "RABBITMQ_DIST_PORT": str(free_port()),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": _ERLANG,
            "ERL_EPMD_PORT": str(epmd_port),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
        }
        log = folder / "rabbitmq.log"
        # Erlang would start a port mapper by itself, as a daemon that outlives the node.
        self._mapper = Process("epmd", ["epmd", "-port", str(epmd_port)], environ, folder / "epmd.log", announce)
        self._mapper_port = epmd_port
        self._process = Process("rabbitmq", [rabbitmq_script()], environ, log, announce)
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
        return f"http://127.0.0.1:{self.management_port}/api"

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

    def _launch(self) -> None:
        self._mapper.launch()
        self._mapper.wait_until(lambda: answers(self._mapper_port), START_SECONDS)
        self._process.launch()

    def wait_ready(self) -> None:
        """Wait until it speaks AMQP and its management answers."""
        self._process.wait_until(lambda: answers(self.port, _AMQP_HEADER, b"\x01"), START_SECONDS)
        self._process.wait_until(self._manages, START_SECONDS)

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
        self._manage("PUT", f"/vhosts/{quote(name, safe='')}")
        permissions = {"configure": ".*", "write": ".*", "read": ".*"}
        self._manage("PUT", f"/permissions/{quote(name, safe='')}/guest", permissions)
        return self.url + quote(name, safe="")

    def delete_vhost(self, name: str) -> None:
        """Delete the vhost *name* with all that is in it."""
        self._manage("DELETE", f"/vhosts/{quote(name, safe='')}")

    def close_connections(self) -> int:
        """Close every client's connection, as an operator would; return how many there were."""
        connections = json.loads(self._manage("GET", "/connections"))
        for connection in connections:
            self._manage("DELETE", f"/connections/{quote(connection['name'], safe='')}")
        return len(connections)

    def _manages(self) -> bool:
        try:
            self._manage("GET", "/overview")
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return False
        return True

    def _manage(self, method: str, path: str, body: object = None) -> bytes:
        credentials = base64.b64encode(b"guest:guest").decode()
        request = urllib.request.Request(  # noqa: S310 - the address is ours
            self.management_url + path,
            method=method,
            data=json.dumps(body or {}).encode() if method == "PUT" else None,
            headers={"authorization": f"Basic {credentials}", "content-type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=15) as answer:  # noqa: S310 - the address is ours
                content: bytes = answer.read()
                return content
        except urllib.error.HTTPError as error:
            if method == "DELETE" and error.code == 404:  # noqa: PLR2004 - gone already
                return b""
            raise


def rabbitmq_script() -> str:
    """Return the script that runs the node as this user; a package's wrapper on PATH may insist on another one."""
    found = next((script for script in RABBITMQ_SCRIPTS if os.access(script, os.X_OK)), None)
    return found or shutil.which("rabbitmq-server") or "rabbitmq-server"
