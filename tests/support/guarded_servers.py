"""Servers as the containers have them: with the product's users, rights and settings."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from shutil import copy

from parkstream_devtools import RabbitServer, free_port
from parkstream_devtools.redis_functions import load_functions
from parkstream_devtools.servers.process import Process, answers
from parkstream_devtools.servers.redis import program
from the_tree import ROOT

COMPOSE = ROOT / "deploy" / "compose"


def secrets_in(folder: Path) -> Path:
    """Make all secrets in *folder*, as ``./dev secrets`` does."""
    made = folder / "secrets"
    subprocess.run([sys.executable, COMPOSE / "make_secrets.py", "--folder", made], check=True, capture_output=True)
    return made


class GuardedRedis:
    """A Redis with the product's own configuration and users, which may be restarted; *more* as compose adds it.

    With *primary* it is a replica of that one, and has the same users.
    """

    def __init__(self, folder: Path, *, primary: "GuardedRedis | None" = None, **more: str) -> None:
        self.secrets = primary.secrets if primary else secrets_in(folder)
        self.port = free_port()
        if primary:
            more["replicaof"] = f"127.0.0.1 {primary.port}"
        users = str(self.secrets / "redis_users.acl")
        told = {"port": str(self.port), "dir": str(folder), "aclfile": users, "busy-reply-threshold": "100", **more}
        options = [part for name, value in told.items() for part in (f"--{name}", value)]
        folder.mkdir(exist_ok=True)
        config = copy(COMPOSE / "redis" / "redis.conf", folder)  # Sentinels have it written anew.
        command = [program(), str(config), *options, "--bind", "127.0.0.1"]
        self.process = Process("redis", command, dict(os.environ), folder / "log", lambda _: None)
        self.start()
        if not primary:
            load_functions(self.url_of("loader"))

    def password_of(self, user: str) -> str:
        """Return the password of *user*."""
        return (self.secrets / f"redis_password_{user}").read_text()

    def start(self) -> None:
        """Start it (again) and wait until it answers."""
        self.process.launch()
        self.process.wait_until(lambda: answers(self.port, b"AUTH health x\r\nPING\r\n", b"+OK\r\n+PONG"), 120)

    def stop(self) -> None:
        """Stop it in good order."""
        self.process.end(signal.SIGTERM, 60)

    def url_of(self, user: str) -> str:
        """Return the address with the name and password of *user*."""
        if user == "health":
            return f"redis://health:any@127.0.0.1:{self.port}"
        return (self.secrets / f"redis_url_{user}").read_text().replace("@redis:6379", f"@127.0.0.1:{self.port}")


class GuardedRabbit:
    """A private RabbitMQ with the product's definitions."""

    def __init__(self, server: RabbitServer, folder: Path) -> None:
        self._port = server.port
        self.secrets = secrets_in(folder)
        definitions = json.loads((self.secrets / "rabbitmq_definitions.json").read_text())
        server.management.request("POST", "/definitions", definitions)

    def url_of(self, user: str) -> str:
        """Return the address with the name and password of *user*."""
        return (self.secrets / f"rabbitmq_url_{user}").read_text().replace("@rabbitmq:5672", f"@127.0.0.1:{self._port}")
