"""What can be asked over HTTP."""

from collections.abc import Sequence
from typing import Annotated, Final

from litestar import Router, get, post
from litestar.di import NamedDependency, Provide
from litestar.params import FromPath, QueryParameter, SkipValidation
from parkstream_service.access import Role
from parkstream_service.http import Guard, needs, problem, refusals

from parkstream_projection.read_api.answers import ParkedPage, PlateVisits, Redriven, Standing
from parkstream_projection.read_api.questions import PAGE, PAGE_MAX, Questions
from parkstream_projection.reads import InsidePage

Asked = NamedDependency[SkipValidation[Questions]]
Cursor = Annotated[str, QueryParameter(description="`cursor` of the page before.")]
Count = Annotated[int, QueryParameter(ge=1, description=f"At most so many; more than {PAGE_MAX} are not given.")]

READER: Final = needs(Role.VISITS_READ)
REFUSALS: Final = refusals(Role.VISITS_READ)
UNAVAILABLE: Final = problem("Redis is away; come again after `Retry-After` seconds.")
WRONG: Final = problem("A parameter is wrong; `errors` names it.")


@get("/state", summary="Where does everything stand?", opt=READER, responses={**REFUSALS, 503: UNAVAILABLE})
async def get_state(questions: Asked) -> Standing:
    """Return positions, lag, counters and what waits."""
    return await questions.standing()


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


@post(
    "/parked/redrive",
    status_code=200,
    summary="Deliver again",
    opt=needs(Role.OPERATE),
    responses={**refusals(Role.OPERATE), 503: UNAVAILABLE},
)
async def redrive(
    questions: Asked,
    id_: Annotated[str | None, QueryParameter(name="id", description="Only the one of this id.")] = None,
) -> Redriven:
    """Put what was refused back to be delivered, all of it or one."""
    return await questions.redrive(id_)


def read_router(questions: Questions, guards: Sequence[Guard]) -> Router:
    """Return all routes of ``/v1``; *guards* watch over them."""
    return Router(
        "/v1",
        route_handlers=[get_state, list_inside, list_visits, list_parked, redrive],
        dependencies={"questions": Provide(lambda: questions, sync_to_thread=False)},
        guards=list(guards),
        tags=["visits"],
    )
