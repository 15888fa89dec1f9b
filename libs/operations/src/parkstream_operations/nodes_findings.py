"""What is to be found about the nodes of a RabbitMQ cluster: which answer, and whether they are of one cluster."""

import asyncio
from typing import Any, Final, NamedTuple

from aio_pika.abc import AbstractConnection
from aio_pika.exceptions import AMQPError
from parkstream_messaging.nodes import Node, Nodes
from parkstream_service.unreachable import ASK_SECONDS, reason

from parkstream_operations.findings import Finding, ok, wrong

NODES: Final = "RabbitMQ nodes"
START: Final = (
    "start them, or take them out of PARKSTREAM_RABBITMQ_URL; a quorum queue works while most of its members do "
    "(runbook: a node of RabbitMQ is away)"
)
OTHERS: Final = "list the nodes of one cluster in PARKSTREAM_RABBITMQ_URL: what is published to one is not in the other"


class Answer(NamedTuple):
    """What one node says; *problem* is why it says nothing."""

    name: str
    cluster: str = ""
    problem: str = ""


async def of_nodes(url: str) -> list[Finding]:
    """Return which nodes of the cluster at *url* answer; nothing where there is only one."""
    nodes = Nodes(url)
    found = await nodes.found()
    if len(found.nodes) + len(found.unknown) < 2:  # noqa: PLR2004 - no cluster
        return []
    unknown = [Answer(name, problem=reason(error)) for name, error in found.unknown.items()]
    answers = [*unknown, *await asyncio.gather(*(_answer(nodes, node) for node in found.nodes))]
    there = [one for one in answers if not one.problem]
    if away := [one for one in answers if one.problem]:
        gone = "; ".join(f"{one.name} does not: {one.problem}" for one in away)
        return [wrong(NODES, f"{len(there)} of {len(answers)} answer; {gone}", START)]
    if len({one.cluster for one in there}) > 1:
        named = ", ".join(f"{one.name} is of {one.cluster}" for one in there)
        return [wrong(NODES, f"they are of different clusters: {named}", OTHERS)]
    return [ok(NODES, f"all {len(answers)} answer: {', '.join(one.name for one in there)}")]


async def _answer(nodes: Nodes, node: Node) -> Answer:
    try:
        async with await nodes.only(node).connect(ASK_SECONDS) as connection:
            return Answer(node.name, cluster=_cluster(connection))
    except (OSError, TimeoutError, AMQPError) as error:
        return Answer(node.name, problem=reason(error))


def _cluster(connection: AbstractConnection) -> str:
    underlying: Any = connection.transport
    name: Any = underlying.connection.server_properties.get("cluster_name", "")
    return name.decode(errors="replace") if isinstance(name, bytes) else str(name)
