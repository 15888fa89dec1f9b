"""Private RabbitMQ, Redis and service processes that leave nothing behind.

Reading order: sandbox (one folder and what runs in it), servers (RabbitMQ, Redis, processes, and the guardian that
cleans up after a kill -9); otlp (a receiver of telemetry), readiness, probes and overview (ask what runs), pipeline
(all services and their account), republish (recorded sightings as load).
"""

from parkstream_devtools.readiness import failing, is_ready
from parkstream_devtools.sandbox import Sandbox, ServiceProcess
from parkstream_devtools.servers.install import (
    MissingServerError,
    ensure_browser,
    ensure_servers,
    ensure_tools,
    missing,
)
from parkstream_devtools.servers.process import StartError, free_port
from parkstream_devtools.servers.rabbitmq import RabbitServer
from parkstream_devtools.servers.rabbitmq_cluster import RabbitCluster
from parkstream_devtools.servers.redis import RedisServer
from parkstream_devtools.servers.replicated_redis import ReplicatedRedis

__all__ = [
    "MissingServerError",
    "RabbitCluster",
    "RabbitServer",
    "RedisServer",
    "ReplicatedRedis",
    "Sandbox",
    "ServiceProcess",
    "StartError",
    "ensure_browser",
    "ensure_servers",
    "ensure_tools",
    "failing",
    "free_port",
    "is_ready",
    "missing",
]
