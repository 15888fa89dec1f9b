"""The story of a visit, and of a plate."""

import time
from collections.abc import Awaitable, Callable, Collection
from http import HTTPStatus
from typing import Annotated, Any, Final

from litestar import Response, get
from litestar.exceptions import NotFoundException
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, QueryParameter
from parkstream_events.sightings import normalised_plate
from parkstream_operations.acts import Recorded
from parkstream_projection.questions.find import Finder
from parkstream_projection.questions.plate_story import Asked as Plate
from parkstream_projection.questions.story_in_words import Answers, names_in
from parkstream_service.access import Role
from parkstream_service.http import needs
from parkstream_visits import Story

from parkstream_console.access.session import Access
from parkstream_console.pages.site import Asked, Look, Site
from parkstream_console.pages.visit_view import ROWS_MAX, plate_view_of, view_of
from parkstream_console.pictures.lanes import lanes
from parkstream_console.pictures.waterfall import waterfall
from parkstream_console.search.car_traces import CarTraces
from parkstream_console.search.stories import Progress, Stories

AGAIN_SECONDS: Final = "1"
VISITS: Final = ("entry:", "exit:")


class StoryPages:
    """Shows stories; *acts* finds what people did about something, *signoz_url* is where traces can be looked at."""

    def __init__(  # noqa: PLR0913 - what they are made of
        self,
        site: Site,
        access: Access,
        finder: Finder,
        stories: Stories,
        *,
        acts: Callable[[Collection[str]], Awaitable[list[Recorded]]],
        traces: CarTraces,
        signoz_url: str | None,
    ) -> None:
        self._site = site
        self._access = access
        self._finder = finder
        self._stories = stories
        self._acts = acts
        self._traces = traces
        self._signoz_url = signoz_url.rstrip("/") if signoz_url else None

    async def visit(self, request: Asked, written: str, record: int | None) -> Response[str]:
        """Show a visit."""
        visit_id = self._site.hidden.plain(written)
        asked = await self._finder.visit(visit_id, record) if visit_id.startswith(VISITS) else None
        if asked is None:
            return self._site.page(request, "no_story.html", status=HTTPStatus.NOT_FOUND, wanted=visit_id)
        story = await self._stories.story(asked)
        if isinstance(story, Progress):
            return self._reading(request, story)
        look = self._look(request)
        view = view_of(story, visit_id, time.time_ns() // 1_000)
        if view is None:
            return self._plate(request, asked.plate, story)
        found = await self._traces.of(view.trace_ids, view.recorded_us)
        return self._site.page(
            request,
            "story.html",
            view=view,
            plate=asked.plate,
            picture=lanes(view.drawn, look.times),
            acts=await self._acts(names_in(Answers(asked.plate, [view.answer], []))),
            found=found,
            waterfall=waterfall(found.spans, look.times) if found.spans else None,
            signoz=[f"{self._signoz_url}/trace/{one}" for one in view.trace_ids] if self._signoz_url else [],
            most=ROWS_MAX,
        )

    async def plate(self, request: Asked, written: str) -> Response[str]:
        """Show all visits of a plate."""
        try:
            plate = normalised_plate(self._site.hidden.plain(written))
        except ValueError as error:
            raise NotFoundException(str(error)) from error
        story = await self._stories.story(Plate(plate, None))
        return self._reading(request, story) if isinstance(story, Progress) else self._plate(request, plate, story)

    def _plate(self, request: Asked, plate: str, story: Story) -> Response[str]:
        view = plate_view_of(story)
        seen = view.rows or view.answers.other_sightings
        return self._site.page(
            request, "plate.html", status=200 if seen else HTTPStatus.NOT_FOUND, view=view, plate=plate, most=ROWS_MAX
        )

    def _reading(self, request: Asked, progress: Progress) -> Response[str]:
        answer = self._site.page(request, "reading.html", status=HTTPStatus.ACCEPTED, progress=progress)
        answer.headers["refresh"] = AGAIN_SECONDS
        return answer

    def _look(self, request: Asked) -> Look:
        return self._site.look_of(request, self._access.viewer(request))


Record = Annotated[int | None, QueryParameter(ge=1, le=10**16)]


def story_routes(pages: StoryPages) -> list[HTTPRouteHandler]:
    """Return the pages of a visit and of a plate."""

    @get("/visits/{visit_id:path}", opt=needs(Role.VISITS_READ), include_in_schema=False)
    async def show_visit(request: Asked, visit_id: FromPath[Any], record: Record = None) -> Response[str]:
        """Show the story of a visit."""
        return await pages.visit(request, str(visit_id).removeprefix("/"), record)

    @get("/plates/{plate:str}", opt=needs(Role.VISITS_READ), include_in_schema=False)
    async def show_plate(request: Asked, plate: FromPath[str]) -> Response[str]:
        """Show the visits of a plate."""
        return await pages.plate(request, plate)

    return [show_visit, show_plate]
