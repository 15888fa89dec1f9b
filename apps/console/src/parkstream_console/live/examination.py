"""What the checks of ``parkstream doctor`` find, with the rights that the console has."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from parkstream_eventlog import LogState
from parkstream_events.marks import Mark
from parkstream_messaging.errors import MessagingError
from parkstream_messaging.mark_stream import MarkUnreachableError
from parkstream_operations.broker import broker
from parkstream_operations.broker_findings import of_broker, versions_refused
from parkstream_operations.findings import Finding, wrong
from parkstream_operations.letters import ByReason
from parkstream_operations.log_findings import MARK, against_mark, of_archive, of_state
from parkstream_operations.nodes_findings import of_nodes
from parkstream_operations.redis_findings import of_redis
from parkstream_operations.written_log import found_in
from parkstream_projection.opened import Opened
from parkstream_service.redis import Library
from parkstream_service.unreachable import UnreachableError

from parkstream_console.live.shared_answer import LateError

START_BROKER = "start RabbitMQ, or set PARKSTREAM_RABBITMQ_URL"
MARK_AWAY = "start RabbitMQ, or end its alarm; no backend starts without the mark"


class Examination:
    """Looks at Redis, the log, its mark and its archive; *brokers*, *letters* and *mark* ask RabbitMQ."""

    def __init__(  # noqa: PLR0913 - what is looked at
        self,
        it: Opened,
        libraries: Sequence[Library],
        archive_dir: str | None,
        *,
        brokers: Callable[[], Awaitable[list[Finding]]],
        letters: Callable[[], Awaitable[ByReason]],
        mark: Callable[[], Awaitable[Mark | None]],
    ) -> None:
        self._it = it
        self._libraries = libraries
        self._archive_dir = archive_dir
        self._brokers = brokers
        self._letters = letters
        self._mark = mark

    async def __call__(self, state: LogState) -> list[Finding]:
        """Return what is found, of a log in this *state*; raises what Redis raises."""
        of_broker, against_its_mark = await asyncio.gather(self._of_broker(), self._against_mark())
        return [
            *of_broker,
            *await of_redis(self._it.redis, self._libraries),
            against_its_mark,
            *of_state(state),
            *of_archive(state, self._archive_dir, self._it.keys.name),
        ]

    async def _of_broker(self) -> list[Finding]:
        try:
            found = await self._brokers()
        except (UnreachableError, LateError) as error:
            return [wrong("RabbitMQ", str(error), START_BROKER)]
        try:
            return [*found, *versions_refused(await self._letters())]
        except (UnreachableError, MessagingError, LateError) as error:
            return [*found, wrong("dead letters", str(error), "see To do")]

    async def _against_mark(self) -> Finding:
        try:
            mark = await self._mark()
        except (MarkUnreachableError, LateError) as error:
            return wrong(MARK, str(error), MARK_AWAY)
        return against_mark(mark, await found_in(self._it), self._it.keys.name)


async def broker_findings(url: str) -> list[Finding]:
    """Return what a look at the RabbitMQ at *url* finds; raise ``UnreachableError``."""
    async with broker(url) as connection:
        return [*await of_nodes(url), *await of_broker(connection)]
