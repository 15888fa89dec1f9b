"""How things stood at another time, and how they would stand under other rules."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, tzinfo
from functools import partial
from http import HTTPStatus
from typing import Annotated, Any, Final, NamedTuple, TypeAlias
from urllib.parse import parse_qsl, urlencode

from litestar import Request, Response, get, post
from litestar.enums import RequestEncodingType
from litestar.handlers import HTTPRouteHandler
from litestar.params import Body
from litestar.response import Redirect
from msgspec import Meta, Struct
from parkstream_eventlog import EventLogError, LogState
from parkstream_projection.opened import Opened
from parkstream_projection.questions.as_of import Answer
from parkstream_projection.questions.what_if import NAMES, as_variables
from parkstream_service.access import Role
from parkstream_service.http import needs
from parkstream_visits import Rules

from parkstream_console.pages.site import Asked, Look, Site, address_of
from parkstream_console.pages.then import (
    VISITS_MAX,
    WHENS,
    WrongQuestionError,
    cars_page,
    lasting_query,
    question_of,
    slider_of,
    what_if_of,
    with_changes,
)
from parkstream_console.pages.times import Mode
from parkstream_console.travel.desk import Desk, Errand, FullError
from parkstream_console.travel.question import Question

TIME: Final = "/time"
WHAT_IF: Final = "/time/what-if"
PATIENCE_SECONDS: Final = 1.0
"""How long a page waits for an answer before it says how far it is."""
SEE_OTHER: Final = 303
AGAIN_SECONDS: Final = 10

Query: TypeAlias = dict[str, str]


class AwayError(Exception):
    """Nothing can be answered now; the text says why."""


class Ground(NamedTuple):
    """What questions are about: the log as it is, and the rules in force."""

    log: LogState
    rules: Rules


class Kind(NamedTuple):
    """A kind of question: its page, and what its URL asks."""

    template: str
    question: Callable[[Query, Ground, Look], Question | None]


class Abandoned(Struct):
    """The URL whose question nobody wants any more."""

    asked: Annotated[str, Meta(max_length=2_000)]


class Guide:
    """Asks *desk* what URLs ask, and shows how far it is, or the answer."""

    def __init__(self, site: Site, it: Opened, desk: Desk, zone: tzinfo) -> None:
        self._site = site
        self._it = it
        self._desk = desk
        self._zone = zone
        self.kinds: Final = {TIME: Kind("time.html", self._then), WHAT_IF: Kind("what_if.html", self._otherwise)}

    async def shown(self, request: Asked) -> Response[Any]:
        """Return the page that *request* asks for."""
        kind, look = self.kinds[request.scope["path"]], self._look(request)
        ground, question, errand, problem, status = None, None, None, "", HTTPStatus.OK
        try:
            ground = await self._ground()
            query = dict(request.query_params.items())
            question = kind.question(query, ground, look)
            if question and question.then and (lasting := lasting_query(query, question.then)) != query:
                return Redirect(with_changes(TIME, lasting), status_code=SEE_OTHER)
            errand = await self._asked(question, request) if question else None
        except WrongQuestionError as error:
            problem, status = str(error), HTTPStatus.BAD_REQUEST
        except AwayError as error:
            problem, status = str(error), HTTPStatus.SERVICE_UNAVAILABLE
        if errand is not None and errand.problem:
            problem, status = errand.problem, HTTPStatus.SERVICE_UNAVAILABLE
        is_part = request.headers.get("hx-request")  # htmx puts in place what succeeds only.
        context = self._context(request, look, ground, question, errand)
        page = self._site.page(
            request, kind.template, status=HTTPStatus.OK if is_part else status, problem=problem, **context
        )
        if status is HTTPStatus.SERVICE_UNAVAILABLE:
            page.headers["retry-after"] = str(AGAIN_SECONDS)
        return page

    async def abandoned(self, request: Asked, asked: str) -> Redirect:
        """Abandon what the URL *asked* asks, and lead to the page that asks nothing."""
        path, _, query = asked.partition("?")
        path = path if path in self.kinds else TIME
        with suppress(WrongQuestionError, AwayError):
            question = self.kinds[path].question(dict(parse_qsl(query)), await self._ground(), self._look(request))
            if question is not None:
                self._desk.abandon(question, self._who(request))
        return Redirect(path, status_code=SEE_OTHER)

    def _then(self, query: Query, ground: Ground, look: Look) -> Question | None:
        return question_of(query, ground.log, UTC if look.times.mode is Mode.UTC else self._zone)

    def _otherwise(self, query: Query, ground: Ground, _: Look) -> Question | None:
        return what_if_of(query, ground.log, ground.rules)

    async def _ground(self) -> Ground:
        try:
            log, present = await self._it.log.state(), await self._it.reads.state()
        except EventLogError as error:
            raise AwayError(str(error)) from error
        self._desk.see(log)
        return Ground(log, present.clock.rules[-1])

    async def _asked(self, question: Question, request: Asked) -> Errand:
        try:
            errand = self._desk.ask(question, self._who(request))
        except FullError as error:
            message = f"{error.waiting} questions wait for an answer already: ask again in a minute."
            raise AwayError(message) from error
        if request.headers.get("hx-target") != "answer":  # Which asks how far it is.
            with suppress(TimeoutError):
                async with asyncio.timeout(PATIENCE_SECONDS):
                    await errand.ended.wait()
        return errand

    def _context(
        self, request: Asked, look: Look, ground: Ground | None, question: Question | None, errand: Errand | None
    ) -> dict[str, Any]:
        query = request.query_params
        answer = errand.answer if errand else None
        found = answer if isinstance(answer, Answer) else None
        end = ground.log.position if ground else 0
        return {
            "question": question,
            "errand": errand,
            "ahead": self._desk.ahead_of(errand) if errand else 0,
            "answer": answer,
            "cars": cars_page(found.inside or [], look, query.get("find", ""), query.get("page", ""))
            if found
            else None,
            "visits": (found.visits or [])[: -VISITS_MAX - 1 : -1] if found else [],
            "visits_max": VISITS_MAX,
            "end": end,
            "slider": slider_of(end),
            "variables": as_variables(ground.rules) if ground else {},
            "whens": WHENS,
            "query": {name: query.get(name, "") for name in (*WHENS, "plate", "find", *NAMES)},
            "asked": address_of(request),
            "changed": partial(with_changes, request.scope["path"], dict(query.items())),
        }

    def _look(self, request: Asked) -> Look:
        return self._site.look_of(request, self._site.access.viewer(request))

    def _who(self, request: Asked) -> str:
        viewer = self._site.access.viewer(request)
        return viewer.name if viewer else ""


def time_routes(guide: Guide) -> list[HTTPRouteHandler]:
    """Return the pages about another time and other rules, and what abandons a question."""

    @get(TIME, opt=needs(Role.VISITS_READ), include_in_schema=False)
    async def show_time(request: Asked) -> Response[Any]:
        """Show how things stood when the URL says."""
        by = request.query_params.get("by")
        if by in WHENS:
            asked = {by: request.query_params.get("when", ""), "plate": request.query_params.get("plate", "")}
            return Redirect(f"{TIME}?{urlencode(asked)}", status_code=SEE_OTHER)
        return await guide.shown(request)

    @get(WHAT_IF, opt=needs(Role.VISITS_READ), include_in_schema=False)
    async def show_what_if(request: Asked) -> Response[Any]:
        """Show which visits of a plate would differ under other rules."""
        return await guide.shown(request)

    @post(f"{TIME}/cancel", opt=needs(Role.VISITS_READ), include_in_schema=False)
    async def cancel(
        request: Request[Any, Any, Any],
        data: Annotated[Abandoned, Body(media_type=RequestEncodingType.URL_ENCODED)],
    ) -> Redirect:
        """End a question, unless somebody else waits for it too."""
        return await guide.abandoned(request, data.asked)

    return [show_time, show_what_if, cancel]
