"""What waits for a person: refused messages and summaries, records that nobody can read, lines that are missing."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from litestar import Response, get
from litestar.handlers import HTTPRouteHandler
from msgspec import Struct, json
from parkstream_messaging.errors import MessagingError
from parkstream_operations.acts import Recorded, last_acts
from parkstream_operations.letters import ByReason
from parkstream_projection.opened import Opened
from parkstream_projection.outbox import Account, Parked
from parkstream_projection.questions.unreadable import Outstanding, outstanding
from parkstream_service.access import Role
from parkstream_service.client import ServiceClient
from parkstream_service.http import needs
from parkstream_service.unreachable import UnreachableError

from parkstream_console.acts.desk import Desk
from parkstream_console.live.shared_answer import LateError, SharedAnswer
from parkstream_console.pages.site import Asked, Site

AnswerT = TypeVar("AnswerT")
PARKED_MAX: Final = 1_000
SHOWN_MAX: Final = 20


class Lines(Struct):
    """What the summary API says of its file."""

    lines: int
    position: int = 0


class Plated(Struct):
    """Whose summary it is."""

    vehicle_plate: str = ""


class Refusal(Struct):
    """Summaries that were parked for the same kind of problem."""

    problem: str
    parked: list[tuple[Parked, str]]
    """Each with its plate."""

    @property
    def plates(self) -> set[str]:
        """Whose summaries they are."""
        return {plate for _, plate in self.parked}


class Todo(Struct, frozen=True, kw_only=True):
    """All that waits; a problem says what could not be looked at."""

    letters: ByReason | None
    letters_problem: str
    unpublished: str
    """What the backend says of letters that it cannot publish."""
    refusals: list[Refusal]
    account: Account
    unreadable: Outstanding
    lines: int | None
    lines_problem: str
    acts: list[Recorded]

    @property
    def missing(self) -> int:
        """How many lines the file has too few."""
        return 0 if self.lines is None else max(0, self.account.kept - self.lines)


class TodoLook:
    """Looks at all of it in *it*, at RabbitMQ and at the services."""

    def __init__(
        self,
        it: Opened,
        client: ServiceClient,
        letters: Callable[[], Awaitable[ByReason]],
        *,
        backend_url: str,
        summary_url: str,
    ) -> None:
        self._it = it
        self._client = client
        self._letters = letters
        self._backend_url = backend_url.rstrip("/")
        self._summary_url = summary_url.rstrip("/")

    async def __call__(self) -> Todo:
        """Return what there is now; raises what Redis raises."""
        account = await self._it.outbox.account()  # Before the lines: what it calls delivered is on disk by now.
        (letters, letters_problem), (lines, lines_problem), (problems, backend_problem) = await asyncio.gather(
            _or_why(self._letters), _or_why(self._lines), _or_why(self._backend_problems)
        )
        return Todo(
            letters=letters,
            letters_problem=letters_problem,
            unpublished=backend_problem if problems is None else problems.get("dead_letters", ""),
            refusals=await self._refusals(),
            account=account,
            unreadable=await outstanding(self._it),
            lines=lines,
            lines_problem=lines_problem,
            acts=await last_acts(self._it),
        )

    async def _lines(self) -> int:
        return (await self._client.get(f"{self._summary_url}/v1/stats", Lines)).lines

    async def _backend_problems(self) -> dict[str, str]:
        return await self._client.problems(self._backend_url)

    async def _refusals(self) -> list[Refusal]:
        found: dict[str, Refusal] = {}
        count = 0
        async for one in self._it.outbox.every_parked():
            problem = one.problem.partition(":")[0]
            parked = found.setdefault(problem, Refusal(problem, [])).parked
            parked.append((one, json.decode(bytes(one.item), type=Plated).vehicle_plate))
            count += 1
            if count == PARKED_MAX:
                break
        return sorted(found.values(), key=lambda refusal: -len(refusal.parked))


async def _or_why(ask: Callable[[], Awaitable[AnswerT]]) -> tuple[AnswerT | None, str]:
    """Return what *ask* answers, or None and why it does not."""
    try:
        return await ask(), ""
    except (UnreachableError, MessagingError, LateError) as error:
        return None, str(error)


def todo_routes(site: Site, look: SharedAnswer[Todo], desk: Desk) -> list[HTTPRouteHandler]:
    """Return the page."""

    @get("/todo", opt=needs(Role.VISITS_READ), include_in_schema=False)
    async def show_todo(request: Asked) -> Response[str]:
        """Show what waits for a person."""
        return site.page(request, "todo.html", todo=await look(), desk=desk, shown=SHOWN_MAX)

    return [show_todo]
