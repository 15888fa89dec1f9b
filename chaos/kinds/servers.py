"""RabbitMQ and Redis that die, restart, stand still, or take nothing more."""

from random import Random
from typing import Final
from urllib.parse import quote

from parkstream_devtools.faults import (
    ConnectionsClosed,
    DiskAlarm,
    DiskFull,
    Fault,
    Frozen,
    Killed,
    MemoryAlarm,
    MemoryFull,
    QueueDeleted,
    QueueFull,
    SmallDisk,
)
from parkstream_devtools.servers.rabbitmq import RabbitServer
from parkstream_devtools.servers.redis import RedisServer
from parkstream_events.topology import EVENTS_EXCHANGE, MARK_QUEUE, WORK_QUEUES

from chaos.kinds.kind import Drawn, Kind, Need
from chaos.mall import Mall
from chaos.verdict import wait_until

VHOST: Final = "/"
LEFT_BYTES_MAX: Final = 300_000
DISK_LEFT_BYTES_MAX: Final = 50_000
REDIS_LEFT_BYTES_MAX: Final = 20_000


class Restarted(Fault):
    """*server* is stopped in good order, and started again."""

    kind = "restarted"

    def __init__(self, server: RedisServer | RabbitServer) -> None:
        self._server = server

    def inject(self) -> None:
        """See ``Fault.inject``."""
        self._server.stop()

    def heal(self) -> None:
        """See ``Fault.heal``."""
        if not self._server.alive:
            self._server.start()


class RedisDiskFull(DiskFull):
    """The disk of *redis* is full: it dies of the first write that finds no room, having answered nobody."""

    kind = "redis-disk-full"

    def __init__(self, redis: RedisServer, disk: SmallDisk, *, left_bytes: int) -> None:
        super().__init__(disk, left_bytes=left_bytes)
        self._redis = redis

    def inject(self) -> None:
        """See ``Fault.inject``."""
        super().inject()
        wait_until(lambda: "it runs" if self._redis.alive else "", "Redis dies of its full disk")

    def heal(self) -> None:
        """See ``Fault.heal``."""
        super().heal()
        if not self._redis.alive:
            self._redis.start()


class ExchangeDeleted(Fault):
    """*exchange* is deleted, with its bindings; a backend declares it again."""

    kind = "rabbitmq-exchange-deleted"

    def __init__(self, server: RabbitServer, exchange: str) -> None:
        self._server = server
        self._path = f"/exchanges/{quote(VHOST, safe='')}/{quote(exchange, safe='')}"

    def inject(self) -> None:
        """See ``Fault.inject``."""
        self._server.management.request("DELETE", self._path)

    def heal(self) -> None:
        """See ``Fault.heal``: that is the backends' part."""


def _queue_deleted(mall: Mall, random: Random) -> Drawn:
    queue = random.choice([*WORK_QUEUES, MARK_QUEUE])
    return Drawn(QueueDeleted(mall.rabbitmq, VHOST, queue), queue)


def _queue_full(mall: Mall, random: Random) -> Drawn:
    queue = random.choice([*WORK_QUEUES])
    return Drawn(QueueFull(mall.rabbitmq, VHOST, queue), queue)


def _memory_full(mall: Mall, random: Random) -> Drawn:
    left = random.randrange(LEFT_BYTES_MAX)
    return Drawn(MemoryFull(mall.redis, left_bytes=left), f"redis, {left:,} bytes left")


def _disk_full(mall: Mall, random: Random) -> Drawn:
    assert mall.disk is not None
    left = random.randrange(DISK_LEFT_BYTES_MAX)
    return Drawn(DiskFull(mall.disk, left_bytes=left), f"the summary file, {left:,} bytes left")


def _redis_disk_full(mall: Mall, random: Random) -> Drawn:
    assert mall.disk_of_redis is not None
    left = random.randrange(REDIS_LEFT_BYTES_MAX)
    return Drawn(RedisDiskFull(mall.redis, mall.disk_of_redis, left_bytes=left), f"redis, {left:,} bytes left")


SERVERS = [
    Kind(name="rabbitmq-killed", draw=lambda mall, _: Drawn(Killed(mall.rabbitmq, mall.rabbitmq.start), "rabbitmq")),
    Kind(name="rabbitmq-restarted", draw=lambda mall, _: Drawn(Restarted(mall.rabbitmq), "rabbitmq")),
    Kind(name="rabbitmq-frozen", draw=lambda mall, _: Drawn(Frozen(mall.rabbitmq), "rabbitmq")),
    Kind(name="rabbitmq-memory-alarm", draw=lambda mall, _: Drawn(MemoryAlarm(mall.rabbitmq), "rabbitmq")),
    Kind(name="rabbitmq-disk-alarm", draw=lambda mall, _: Drawn(DiskAlarm(mall.rabbitmq), "rabbitmq")),
    Kind(name="rabbitmq-connections-closed", draw=lambda mall, _: Drawn(ConnectionsClosed(mall.rabbitmq), "rabbitmq")),
    Kind(name="rabbitmq-queue-full", draw=_queue_full),
    Kind(name="rabbitmq-queue-deleted", draw=_queue_deleted, quiet=True),
    Kind(
        name="rabbitmq-exchange-deleted",
        draw=lambda mall, _: Drawn(ExchangeDeleted(mall.rabbitmq, EVENTS_EXCHANGE), EVENTS_EXCHANGE),
        quiet=True,
    ),
    Kind(name="redis-killed", draw=lambda mall, _: Drawn(Killed(mall.redis, mall.redis.start), "redis")),
    Kind(name="redis-restarted", draw=lambda mall, _: Drawn(Restarted(mall.redis), "redis")),
    Kind(name="redis-frozen", draw=lambda mall, _: Drawn(Frozen(mall.redis), "redis")),
    Kind(name="redis-memory-full", draw=_memory_full),
    Kind(name="redis-disk-full", draw=_redis_disk_full, needs=Need.DISK),
    Kind(name="disk-full", draw=_disk_full, needs=Need.DISK),
]
