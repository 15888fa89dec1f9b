"""What is to be found about a RabbitMQ: is it one that the pipeline knows, with our queues, and what waits there."""

from collections import Counter
from typing import Any, Final

from aio_pika.abc import AbstractConnection
from aio_pika.exceptions import AMQPError
from parkstream_events.topology import DEAD_LETTERS_QUEUE, WORK_QUEUES
from parkstream_events.wire import SIGHTING_TYPES, Refusal, is_newer

from parkstream_operations.findings import Finding, note, ok, version_of, wrong
from parkstream_operations.letters import ByReason

OLDEST: Final = (3, 10)
REDRIVE: Final = "parkstream dead-letters redrive --reason unknown_type"


async def of_broker(connection: AbstractConnection) -> list[Finding]:
    """Return what a look at the RabbitMQ of *connection* finds; it declares nothing."""
    return [_version(connection), *[await _queue(connection, name) for name in [*WORK_QUEUES, DEAD_LETTERS_QUEUE]]]


def versions_refused(letters: ByReason) -> list[Finding]:
    """Name sightings that were refused only because no backend knew their version yet, as far as *letters* show."""
    refused = [one for one in letters.refused if one.reason == Refusal.UNKNOWN_TYPE]
    types = sum((one.types for one in refused), Counter[str]())
    known = Counter({name: count for name, count in types.items() if name in SIGHTING_TYPES})
    newer = Counter({name: count for name, count in types.items() if is_newer(name)})
    found = [
        (known, "versions that this program reads", f"when all backends read them: {REDRIVE}"),
        (newer, "versions that only a newer program reads", f"renew the backends, then {REDRIVE}"),
    ]
    return [wrong("dead letters", f"{_in_words(counts)}: {what}", advice) for counts, what, advice in found if counts]


def _in_words(counts: Counter[str]) -> str:
    return ", ".join(f"{count} of {type_}" for type_, count in counts.most_common(3))


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
