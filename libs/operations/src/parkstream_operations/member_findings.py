"""How many members each of our queues has in a RabbitMQ cluster: with one, the loss of its node is the queue's.

Only the management interface says so. RabbitMQ gives a quorum queue three members and a stream one per node when it is
declared (3.10 to 4.x); a node that joins later gets none by itself.
"""

from base64 import b64encode
from typing import Final
from urllib.parse import quote, unquote, urlsplit

from msgspec import Struct
from parkstream_events.topology import (
    DEAD_LETTERS_QUEUE,
    MARK_QUEUE,
    SEEN_ENTERING_QUEUE,
    WORK_QUEUES,
)
from parkstream_service.client import ServiceClient
from parkstream_service.settings import urls_of_nodes
from parkstream_service.unreachable import UnreachableError

from parkstream_operations.findings import Finding, note, ok, wrong

MEMBERS: Final = "queue members"
WANTED: Final = 3
QUEUES: Final = (*WORK_QUEUES, DEAD_LETTERS_QUEUE, SEEN_ENTERING_QUEUE, MARK_QUEUE)
STREAM: Final = "stream"
UNASKED: Final = (
    "set PARKSTREAM_RABBITMQ_MANAGEMENT_URL (http://USER:PASSWORD@HOST:15672, a user with the tag monitoring), or look "
    "at `rabbitmq-queues quorum_status` and `rabbitmq-streams stream_status`"
)
MISSING: Final = "PARKSTREAM_RABBITMQ_MANAGEMENT_URL: http://USER:PASSWORD@HOST:15672, a user with the tag monitoring"


class ClusterNode(Struct, frozen=True):
    """A node as the management interface lists it."""

    name: str
    running: bool = False


class QueueMembers(Struct, frozen=True):
    """A queue as the management interface lists it; until its statistics have come it says no members."""

    name: str
    type: str = ""
    members: list[str] | None = None
    online: list[str] | None = None


async def of_members(management_url: str | None, rabbitmq_url: str) -> list[Finding]:
    """Return which of our queues lack members, as the RabbitMQ at *management_url* says; it is *rabbitmq_url*'s."""
    if management_url is None:
        several = len(urls_of_nodes(rabbitmq_url)) > 1
        return [note(MEMBERS, "nobody knows how many members each queue has", UNASKED)] if several else []
    parts = urlsplit(management_url)
    vhost = unquote(urlsplit(urls_of_nodes(rabbitmq_url)[0]).path[1:]) or "/"
    login = f"{unquote(parts.username or '')}:{unquote(parts.password or '')}"
    base = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path.rstrip('/')}/api"
    basic = {"authorization": f"Basic {b64encode(login.encode()).decode()}"}
    try:
        async with ServiceClient(headers=basic) as client:
            nodes = await client.get(f"{base}/nodes", list[ClusterNode])
            queues = await client.get(f"{base}/queues/{quote(vhost, safe='')}", list[QueueMembers])
    except UnreachableError as error:
        return [wrong(MEMBERS, str(error), MISSING)]
    names = sorted(node.name for node in nodes)
    return [finding for queue in queues if queue.name in QUEUES for finding in _of_queue(queue, names, vhost)]


def _of_queue(queue: QueueMembers, nodes: list[str], vhost: str) -> list[Finding]:
    if queue.members is None:
        return []
    about, members, count = f"members of {queue.name}", sorted(queue.members), len(queue.members)
    if count < min(WANTED, len(nodes)):
        others = [node for node in nodes if node not in members][: WANTED - count]
        found = f"{count} of {len(nodes)} nodes has it ({', '.join(members)})"
        return [wrong(about, found, "; ".join(_grows(queue, node, vhost) for node in others))]
    if queue.online is not None and (offline := [one for one in members if one not in queue.online]):
        return [note(about, f"{len(offline)} of {count} are away: {', '.join(offline)}", "start those nodes")]
    return [ok(about, f"{count}: {', '.join(members)}")]


def _grows(queue: QueueMembers, node: str, vhost: str) -> str:
    command = "rabbitmq-streams add_replica" if queue.type == STREAM else "rabbitmq-queues add_member"
    return f"{command} --vhost {vhost} {queue.name} {node}"
