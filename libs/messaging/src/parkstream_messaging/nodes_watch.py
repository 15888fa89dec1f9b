"""Which nodes of a cluster take connections from here: a service that is on its last one should be seen."""

import asyncio
from typing import Final

from parkstream_service.unreachable import reason

from parkstream_messaging.nodes import ADDRESS_SECONDS, Node, Nodes

LOOK_SECONDS: Final = 5.0


class NodesWatch:
    """Looks at each of *nodes* again and again; at none where there is only one.

    A connection is opened and closed without a word, which RabbitMQ takes for a load balancer's look.
    """

    def __init__(self, nodes: Nodes) -> None:
        self._nodes = nodes
        self._known = 0
        self.away: dict[str, str] = {}
        """By node, why it takes no connection."""

    @property
    def notice(self) -> str:
        """Say which nodes take no connections, and how many are left; nothing while all do."""
        if not self.away:
            return ""
        gone = ", ".join(f"{name} ({why})" for name, why in self.away.items())
        return f"connected to {self._nodes.current or 'none'}; {len(self.away)} of {self._known} nodes are away: {gone}"

    async def run(self) -> None:
        """Look for ever."""
        while True:
            await self.look()
            await asyncio.sleep(LOOK_SECONDS)

    async def look(self) -> None:
        """Look once at each."""
        found = await self._nodes.found()
        self._known = len(found.nodes) + len(found.unknown)
        asked = found.nodes if self._known > 1 else ()
        problems = await asyncio.gather(*map(_problem, asked))
        unknown = {name: reason(error) for name, error in found.unknown.items()} if self._known > 1 else {}
        silent = {node.name: problem for node, problem in zip(asked, problems, strict=True) if problem}
        self.away = unknown | silent


async def _problem(node: Node) -> str:
    try:
        async with asyncio.timeout(ADDRESS_SECONDS):
            _, writer = await asyncio.open_connection(node.address, node.port)
    except (OSError, TimeoutError) as error:
        return reason(error)
    writer.transport.abort()
    return ""
