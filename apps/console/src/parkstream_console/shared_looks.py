"""What all viewers of To do and Running share, put together."""

from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar

from parkstream_eventlog.functions import LOG
from parkstream_messaging.mark_stream import last_mark
from parkstream_operations.cells.cell_health import look_at
from parkstream_operations.letters import by_reason
from parkstream_projection.functions import PROJECTING, SWITCHING
from parkstream_projection.opened import Opened
from parkstream_service.client import ServiceClient
from parkstream_service.redis import READS

from parkstream_console.live.examination import Examination, broker_findings
from parkstream_console.live.shared_answer import PATIENCE_SECONDS, SharedAnswer
from parkstream_console.pages.health import RunningLook
from parkstream_console.pages.todo import TodoLook
from parkstream_console.settings import Settings

AnswerT = TypeVar("AnswerT")
LOOK_SECONDS: Final = 1.0
"""How long a page's look is one for all who open it."""
PAGE_SECONDS: Final = 30.0
"""How long a page waits for all that is on it: longer than for each, so that it shows who is silent."""
LETTERS_SECONDS: Final = 3.0
"""A look at dead letters keeps them from others."""
EXAMINED_SECONDS: Final = 5.0
MARK_SECONDS: Final = 15.0
"""RabbitMQ gives all marks that there are each time."""


class SharedLooks:
    """One look at each, at *it* and at the services, for all who look."""

    def __init__(self, it: Opened, client: ServiceClient, settings: Settings) -> None:
        self._answers: list[SharedAnswer[Any]] = []
        urls = {"summary_url": settings.summary_url, "backend_url": settings.backend_url}
        services = {
            "summary-api": settings.summary_url,
            "backend": settings.backend_url,
            "entry-generator": settings.entry_generator_url,
            "exit-generator": settings.exit_generator_url,
        }
        rabbitmq_url = settings.rabbitmq_url
        letters = self._one(lambda: by_reason(rabbitmq_url), LETTERS_SECONDS)
        examine = Examination(
            it,
            (READS, LOG, PROJECTING, SWITCHING),
            settings.archive_dir,
            brokers=self._one(lambda: broker_findings(rabbitmq_url), EXAMINED_SECONDS),
            letters=letters,
            mark=self._one(lambda: last_mark(rabbitmq_url), MARK_SECONDS),
        )
        self.todo = self._one(TodoLook(it, client, letters, **urls), LOOK_SECONDS, PAGE_SECONDS)
        cells = self._one(partial(look_at, Path(settings.cells)), EXAMINED_SECONDS) if settings.cells else None
        self.running = self._one(RunningLook(it, client, services, examine, cells), LOOK_SECONDS, PAGE_SECONDS)

    def forget(self) -> None:
        """Let whoever looks next see what was changed."""
        for one in self._answers:
            one.forget()

    async def stop(self) -> None:
        """Stop looking."""
        for one in self._answers:
            await one.stop()

    def _one(
        self,
        ask: Callable[[], Awaitable[AnswerT]],
        fresh_seconds: float,
        patience_seconds: float = PATIENCE_SECONDS,
    ) -> SharedAnswer[AnswerT]:
        self._answers.append(answer := SharedAnswer(ask, fresh_seconds, patience_seconds))
        return answer
