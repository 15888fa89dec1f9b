"""Private RabbitMQ, Redis and service processes that leave nothing behind.

Reading order: sandbox (one folder and what runs in it), servers, process, guardian (cleans up after a kill -9),
install (gets missing servers).
"""

from parkstream_sandbox.install import MissingServerError, ensure_servers, missing
from parkstream_sandbox.process import StartError, free_port
from parkstream_sandbox.sandbox import Sandbox, ServiceProcess, is_ready
from parkstream_sandbox.servers import RabbitServer, RedisServer

__all__ = [
    "MissingServerError",
    "RabbitServer",
    "RedisServer",
    "Sandbox",
    "ServiceProcess",
    "StartError",
    "ensure_servers",
    "free_port",
    "is_ready",
    "missing",
]
