"""What can be asked over HTTP."""

from typing import Annotated, Final

from litestar import Router, get
from litestar.di import NamedDependency, Provide
from litestar.params import FromPath, QueryParameter, SkipValidation
from parkstream_projection.overview import Overview
from parkstream_projection.reads import InsidePage
from parkstream_service.access import Role
from parkstream_service.http import Guard, needs, problem, refusals

from parkstream_console.read_api.answers import ParkedPage, PlateVisits
from parkstream_console.read_api.questions import PAGE, PAGE_MAX, Questions

Asked = NamedDependency[SkipValidation[Questions]]
Cursor = Annotated[str, QueryParameter(description="`cursor` of the page before.")]
Count = Annotated[int, QueryParameter(ge=1, description=f"At most so many; more than {PAGE_MAX} are not given.")]

READER: Final = needs(Role.VISITS_READ)
REFUSALS: Final = refusals(Role.VISITS_READ)
UNAVAILABLE: Final = problem("Redis is away; come again after `Retry-After` seconds.")
WRONG: Final = problem("A parameter is wrong; `errors` names it.")


@get("/state", summary="Where does everything stand?", opt=READER, responses={**REFUSALS, 503: UNAVAILABLE})
async def get_state(questions: Asked) -> Overview:
    """Return positions, lag, counters and what waits."""
    return await questions.overview()


@get("/inside", summary="Who is inside?", opt=READER, responses={400: WRONG, **REFUSALS, 503: UNAVAILABLE})
async def list_inside(questions: Asked, cursor: Cursor = "0", count: Count = PAGE) -> InsidePage:
    """List the cars that are inside, those that came first first."""
    return await questions.inside(cursor, count)


@get(
    "/visits/{plate:str}",
    summary="What did a plate do?",
    opt=READER,
    responses={
        400: problem("This is no plate."),
        **REFUSALS,
        404: problem("Nothing is remembered of this plate."),
        503: UNAVAILABLE,
    },
)
async def list_visits(questions: Asked, plate: FromPath[str]) -> PlateVisits:
    """List the visits of one plate, however written, that are not final yet."""
    return await questions.visits(plate)


@get("/parked", summary="What was refused?", opt=READER, responses={400: WRONG, **REFUSALS, 503: UNAVAILABLE})
async def list_parked(questions: Asked, cursor: Cursor = "0", count: Count = PAGE) -> ParkedPage:
    """List summaries that the summary API has refused, each with its problem."""
    return await questions.parked(cursor, count)


def read_router(questions: Questions, guard: Guard) -> Router:
    """Return all routes of ``/v1``, which *guard* watches over."""
    return Router(
        "/v1",
        route_handlers=[get_state, list_inside, list_visits, list_parked],
        dependencies={"questions": Provide(lambda: questions, sync_to_thread=False)},
        guards=[guard],
        tags=["visits"],
    )
