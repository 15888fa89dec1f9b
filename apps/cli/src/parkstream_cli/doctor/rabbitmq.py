"""Is RabbitMQ there, of a version that the pipeline knows, with our queues, and does anything wait there."""

from collections import Counter
from typing import Any, Final

from aio_pika.abc import AbstractConnection
from aio_pika.exceptions import AMQPError
from parkstream_devtools.probes import UnreachableError, connected
from parkstream_events.topology import DEAD_LETTERS_QUEUE, WORK_QUEUES
from parkstream_events.wire import SIGHTING_TYPES, Refusal, is_newer
from parkstream_messaging import MessagingError
from parkstream_messaging.dead_letters import Letter, dead_letters

from parkstream_cli.doctor.findings import Finding, note, ok, version_of, wrong

OLDEST: Final = (3, 10)
LOOKED_AT_MAX: Final = 200
"""So many dead letters are looked at; others do not see them meanwhile."""
REDRIVE: Final = "parkstream dead-letters redrive --reason unknown_type"


async def examine(url: str) -> list[Finding]:
    """Look at the RabbitMQ at *url*."""
    try:
        connection = await connected(url)
    except UnreachableError as error:
        return [wrong("RabbitMQ", str(error), "start RabbitMQ, or set PARKSTREAM_RABBITMQ_URL")]
    async with connection:
        queues = [await _queue(connection, name) for name in [*WORK_QUEUES, DEAD_LETTERS_QUEUE]]
        return [_version(connection), *queues, *await _versions_refused(connection)]


def _version(connection: AbstractConnection) -> Finding:
    underlying: Any = connection.transport
    reported: Any = underlying.connection.server_properties.get("version", "")
    version = reported.decode() if isinstance(reported, bytes) else str(reported)
    if version_of(version) < OLDEST:
        return wrong("RabbitMQ", f"version {version}", "use RabbitMQ 3.10 or later: quorum queues need it")
    return ok("RabbitMQ", f"version {version}")


async def _versions_refused(connection: AbstractConnection) -> list[Finding]:
    """Name sightings that were refused only because no backend knew their version yet, as far as a look shows."""
    known: Counter[str] = Counter()
    newer: Counter[str] = Counter()
    try:
        async with dead_letters(connection) as letters:
            looked_at = letters._replace(waiting=min(letters.waiting, LOOKED_AT_MAX))
            async for message in looked_at.messages(lambda _: None):
                letter = Letter.of(message)
                if letter.reason == Refusal.UNKNOWN_TYPE and letter.type:
                    known[letter.type] += letter.type in SIGHTING_TYPES
                    newer[letter.type] += is_newer(letter.type)
    except MessagingError:
        return []  # The queue is not there, or a look could lose letters: both are reported as what they are.
    found = [
        (known, "versions that this program reads", f"when all backends read them: {REDRIVE}"),
        (newer, "versions that only a newer program reads", f"renew the backends, then {REDRIVE}"),
    ]
    return [wrong("dead letters", f"{_in_words(+counts)}: {what}", advice) for counts, what, advice in found if +counts]


def _in_words(counts: Counter[str]) -> str:
    return ", ".join(f"{count} of {type_}" for type_, count in counts.most_common(3))


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
