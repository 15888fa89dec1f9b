"""Is RabbitMQ there, of a version that the pipeline knows, with our queues, and does anything wait there."""

from parkstream_messaging.dead_letters import dead_letters
from parkstream_messaging.errors import MessagingError
from parkstream_messaging.nodes import connected
from parkstream_operations.broker_findings import of_broker, versions_refused
from parkstream_operations.findings import Finding, wrong
from parkstream_operations.letters import sorted_by_reason
from parkstream_operations.member_findings import of_members
from parkstream_operations.nodes_findings import of_nodes
from parkstream_service.unreachable import UnreachableError


async def examine(url: str, management_url: str | None = None) -> list[Finding]:
    """Look at the RabbitMQ at *url*, at each of its nodes, and at the members of its queues."""
    return [*await of_nodes(url), *await _of_queues(url), *await of_members(management_url, url)]


async def _of_queues(url: str) -> list[Finding]:
    try:
        connection = await connected(url)
    except UnreachableError as error:
        return [wrong("RabbitMQ", str(error), "start RabbitMQ, or set PARKSTREAM_RABBITMQ_URL")]
    async with connection:
        findings = await of_broker(connection)
        try:
            async with dead_letters(connection) as letters:
                return [*findings, *versions_refused(await sorted_by_reason(letters))]
        except MessagingError:
            return findings  # The queue is not there, or a look could lose letters: both are reported as what they are.
