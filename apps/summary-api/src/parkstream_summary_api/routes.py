"""What can be asked over HTTP."""

import asyncio
from collections.abc import Mapping
from typing import Annotated, Any

from litestar import Request, Router, get, post
from litestar.di import NamedDependency, Provide
from litestar.params import FromPath, QueryParameter, SkipValidation
from parkstream_events.marks import LOG_HEADER, LogName, MarkError, log_name_of
from parkstream_events.summaries import REVISION_MAX, Outcome, PostResults, Summary
from parkstream_service.access import Role
from parkstream_service.http import Guard, needs, problem, refusals

from parkstream_summary_api.bodies import MalformedError, parsed
from parkstream_summary_api.documents import PostedOperation
from parkstream_summary_api.group_commit import Commits, Origin
from parkstream_summary_api.middleware import asked_of
from parkstream_summary_api.reader import Filter, Page, Reading
from parkstream_summary_api.statistics import Statistics, Stats

PAGE_SIZE_MAX = 1_000
LARGE_BYTES = 512 * 1024
"""What is odd in a larger body may take a second to find, while others are answered."""
TIME = {"format": "date-time"}

READER = needs(Role.VISITS_READ)
REFUSALS = refusals(Role.VISITS_READ)
WRONG = problem("A parameter is wrong; `errors` names it.")
UNAVAILABLE = problem("Redis is away, or the index is being rebuilt; come again after `Retry-After` seconds.")


@post(
    "/summaries",
    status_code=200,
    operation_class=PostedOperation,
    summary="Write summaries",
    opt=needs(Role.SUMMARIES_WRITE),
    responses={
        400: problem("The body is not JSON."),
        **refusals(Role.SUMMARIES_WRITE),
        413: problem("The body holds more than 100 summaries or 6.5 MB."),
        415: problem("The body does not say that it is JSON."),
        503: UNAVAILABLE,
        507: problem("The disk is full; nothing of the request was kept."),
    },
)
async def post_summaries(
    request: Request[Any, Any, Any],
    commits: NamedDependency[SkipValidation[Commits]],
    statistics: NamedDependency[SkipValidation[Statistics]],
) -> PostResults:
    """Write one summary or up to 100, each at most 64 KiB, and answer once they are on disk.

    Idempotent by visit id and revision: what is there already is a `duplicate`, with another content a `conflict`.
    A summary that is `invalid` keeps no other from being written.
    """
    body = await request.body()
    given = parsed(body) if len(body) <= LARGE_BYTES else await asyncio.to_thread(parsed, body)
    asked = asked_of(request.scope)
    asked.item_count = len(given.results)
    origin = Origin(asked.span, asked.sent_at_us, log_of(request.headers.get(LOG_HEADER, "")))
    statuses = await commits.write(given.items, len(body), origin) if given.items else []
    results = given.answered(statuses)
    statistics.answered(results)
    return PostResults(results)


def log_of(header: str) -> LogName | None:
    """Return of which log the summaries of a request are, if it says so; raise ``MalformedError``."""
    try:
        return log_name_of(header) if header else None
    except MarkError as error:
        message = f"{LOG_HEADER}: {error}"
        raise MalformedError(message) from error


@get(
    "/summaries",
    summary="List summaries",
    opt=READER,
    responses={400: WRONG, **REFUSALS, 503: UNAVAILABLE},
)
async def list_summaries(  # noqa: PLR0913, PLR0917 (one argument per query parameter)
    reading: NamedDependency[SkipValidation[Reading]],
    outcome: Annotated[Outcome | None, QueryParameter(description="Only visits that ended so.")] = None,
    plate: Annotated[str | None, QueryParameter(description="Only visits of this vehicle, however written.")] = None,
    since: Annotated[
        str | None,
        QueryParameter(
            name="from", description="Only visits that ended then or later (RFC 3339, with a zone).", schema_extra=TIME
        ),
    ] = None,
    until: Annotated[
        str | None, QueryParameter(name="to", description="Only visits that ended before.", schema_extra=TIME)
    ] = None,
    current: Annotated[bool, QueryParameter(description="Only the greatest revision of each visit.")] = True,  # noqa: FBT002
    cursor: Annotated[str | None, QueryParameter(description="`next_cursor` of the page before.")] = None,
    limit: Annotated[int, QueryParameter(ge=1, le=PAGE_SIZE_MAX, description="At most so many.")] = 100,
    newest: Annotated[  # noqa: FBT002
        bool, QueryParameter(description="Only out of the last 64 KiB of the file; no `cursor`.")
    ] = False,
) -> Page:
    """List summaries in the order in which they were written; a visit's time is that of its exit, else of its entry.

    A page may hold fewer than `limit`, even none, while `next_cursor` is given: one request reads 16 MiB at most.
    """
    wanted = Filter.of(outcome, plate, since, until, current=current)
    return await (reading.newest(wanted, limit) if newest else reading.page(wanted, cursor, limit))


@get(
    "/summaries/{visit_id:path}",
    summary="Get one visit",
    opt=READER,
    responses={
        400: WRONG,
        **REFUSALS,
        404: problem("No such visit, or no such revision."),
        503: UNAVAILABLE,
    },
)
async def get_summary(
    reading: NamedDependency[SkipValidation[Reading]],
    visit_id: FromPath[str],
    revision: Annotated[
        int | None, QueryParameter(ge=1, le=REVISION_MAX, description="This revision instead of the current one.")
    ] = None,
) -> Summary:
    """Return the current summary of a visit, or an older one."""
    return await reading.visit(visit_id.removeprefix("/"), revision)


@get("/stats", summary="Get counters and latencies", opt=READER, responses={**REFUSALS, 503: UNAVAILABLE})
async def get_stats(statistics: NamedDependency[SkipValidation[Statistics]]) -> Stats:
    """Return what the file holds, and how long summaries took to get there since this process started."""
    return await statistics.stats()


def api(guards: list[Guard], dependencies: Mapping[str, Provide]) -> Router:
    """Return all routes of ``/v1``; *guards* watch over them."""
    return Router(
        "/v1",
        route_handlers=[post_summaries, list_summaries, get_summary, get_stats],
        dependencies=dependencies,
        guards=guards,
        tags=["summaries"],
    )
