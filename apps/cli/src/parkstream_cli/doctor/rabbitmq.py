"""Is RabbitMQ there, of a version that the pipeline knows, with our queues, and does anything wait there."""

from typing import Any, Final

from aio_pika.abc import AbstractConnection
from aio_pika.exceptions import AMQPError
from parkstream_devtools.probes import UnreachableError, connected
from parkstream_events.topology import DEAD_LETTERS_QUEUE, WORK_QUEUES

from parkstream_cli.doctor.findings import Finding, note, ok, version_of, wrong

OLDEST: Final = (3, 10)


async def examine(url: str) -> list[Finding]:
    """Look at the RabbitMQ at *url*."""
    try:
        connection = await connected(url)
    except UnreachableError as error:
        return [wrong("RabbitMQ", str(error), "start RabbitMQ, or set PARKSTREAM_RABBITMQ_URL")]
    async with connection:
        return [_version(connection), *[await _queue(connection, name) for name in [*WORK_QUEUES, DEAD_LETTERS_QUEUE]]]


def _version(connection: AbstractConnection) -> Finding:
    underlying: Any = connection.transport
    reported: Any = underlying.connection.server_properties.get("version", "")
    version = reported.decode() if isinstance(reported, bytes) else str(reported)
    if version_of(version) < OLDEST:
        return wrong("RabbitMQ", f"version {version}", "use RabbitMQ 3.10 or later: quorum queues need it")
    return ok("RabbitMQ", f"version {version}")


async def _queue(connection: AbstractConnection, name: str) -> Finding:
    about = f"queue {name}"
    try:
        async with connection.channel() as channel:
            queue = await channel.declare_queue(name, passive=True)
    except AMQPError as error:
        return wrong(about, str(error), "start the backend, which declares it")
    waiting = queue.declaration_result.message_count or 0
    consumers = queue.declaration_result.consumer_count or 0
    if name == DEAD_LETTERS_QUEUE:
        advice = "parkstream dead-letters list says why they were refused; see the runbook: dead letters"
        return note(about, f"{waiting} dead letters", advice) if waiting else ok(about, "empty")
    if not consumers:
        return wrong(about, f"{waiting} waiting, nobody takes them", "start a backend with the role record")
    return ok(about, f"{waiting} waiting, {consumers} taking")
