"""Private RabbitMQ, Redis and service processes that leave nothing behind.

Reading order: sandbox (one folder and what runs in it), servers (RabbitMQ, Redis, processes, and the guardian that
cleans up after a kill -9); otlp (a receiver of telemetry), probes (asks what runs), pipeline (all services and their
account), republish (recorded sightings as load).
"""

from parkstream_devtools.sandbox import Sandbox, ServiceProcess, is_ready
from parkstream_devtools.servers.install import MissingServerError, ensure_servers, ensure_tools, missing
from parkstream_devtools.servers.process import StartError, free_port
from parkstream_devtools.servers.rabbitmq import RabbitServer
from parkstream_devtools.servers.redis import RedisServer

__all__ = [
    "MissingServerError",
    "RabbitServer",
    "RedisServer",
    "Sandbox",
    "ServiceProcess",
    "StartError",
    "ensure_servers",
    "ensure_tools",
    "free_port",
    "is_ready",
    "missing",
]
