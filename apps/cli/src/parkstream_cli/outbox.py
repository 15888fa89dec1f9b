"""``parkstream outbox``: summaries that were refused or are missing in the file; delivered again."""

from collections.abc import AsyncIterator
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Annotated, Self

import cyclopts
from cyclopts import Parameter
from msgspec import Raw, Struct
from parkstream_events.sightings import moment_of
from parkstream_events.units import SECOND_US
from parkstream_projection import Outbox, Parked
from parkstream_projection.questions.words import lasting
from parkstream_projection.rebuild.gc_pause import rarely_collected
from parkstream_projection.verify.absent_summaries import Missing
from parkstream_projection.verify.absent_summaries import emit_missing as emit_missing_of
from parkstream_service.client import ServiceClient

from parkstream_cli.connections import opened, settings_here
from parkstream_cli.errors import MISUSED, ToolError
from parkstream_cli.output import AsJson, AsLines, as_json, as_lines, line, note
from parkstream_cli.progress import progress
from parkstream_cli.written_log import opened_to_write
from parkstream_cli.written_pairs import pairs_in_file, pairs_of_api

app = cyclopts.App(name="outbox", help="Deliver summaries again that were refused, or that the file has lost.")

Problem = Annotated[str | None, Parameter(help="Only those whose problem contains this: conflict, invalid, …")]


class Refused(Struct, frozen=True):
    """A summary that the server refused, and the body that was posted."""

    id: str
    visit_id: str
    revision: int
    problem: str
    parked_at: datetime
    age_seconds: float
    item: Raw

    @classmethod
    def of(cls, parked: Parked, now_us: int) -> Self:
        """Return *parked* as it is at *now_us*."""
        age_seconds = max(0, now_us - parked.parked_at_us) / SECOND_US
        parked_at = moment_of(parked.parked_at_us)
        return cls(parked.id, parked.key, parked.revision, parked.problem, parked_at, age_seconds, parked.item)


class Redriven(Struct, frozen=True, kw_only=True):
    """How many were put back to be delivered, and which ids were not parked."""

    dry_run: bool
    redriven: int
    unknown: list[str]


@app.command
async def parked(*, problem: Problem = None, json: AsLines = False) -> None:
    """List the summaries that the server refused, with its problem and what was posted. Only reads."""
    count = 0
    async with opened(settings_here()) as it:
        now_us = (await it.log.state()).now_us
        async for one in _parked_in(it.outbox, problem):
            count += 1
            refused = Refused.of(one, now_us)
            as_json(refused) if json else _show(refused)
    if not count:
        note("no summary is parked" if problem is None else "no summary is parked for that")


@app.command
async def redrive(
    *,
    id: Annotated[tuple[str, ...], Parameter(name="--id", help="Only this one; may be repeated.", negative="")] = (),  # noqa: A002
    problem: Problem = None,
    all: Annotated[bool, Parameter(help="Deliver all of them.", negative="")] = False,  # noqa: A002 - what it is called
    dry_run: Annotated[bool, Parameter(help="Only count them.", negative="")] = False,
    json: AsJson = False,
) -> int:
    """Deliver parked summaries again, unchanged. What is refused again is parked again."""
    if bool(id or problem) == all or (id and problem):
        message = "say which: --id, --problem, or --all"
        raise ToolError(message, exit_code=MISUSED)
    async with opened_to_write(settings_here(), only_looks=dry_run) as it:
        ids = [one.id async for one in _parked_in(it.outbox, problem) if not id or one.id in id]
        count = len(ids) if dry_run else await it.outbox.redrive(ids)
    done = Redriven(dry_run=dry_run, redriven=count, unknown=sorted({*id} - {*ids}))
    if json:
        as_json(done)
    else:
        line(f"{done.redriven} {'would be put' if dry_run else 'put'} back to be delivered")
        for unknown in done.unknown:
            note(f"{unknown} is not parked")
    return 1 if done.unknown else 0


@app.command
async def emit_missing(
    *,
    summaries: Annotated[Path | None, Parameter(help="The summary file; by default the summary API is asked.")] = None,
    dry_run: Annotated[bool, Parameter(help="Only count and list them.", negative="")] = False,
    json: AsJson = False,
) -> int:
    """Emit again what was emitted and is not in the summary file, of any age: exactly that, computed from the log.

    Works on a live system. It waits while the outbox is full, so a backend with the role deliver has to run.
    """
    settings = settings_here()
    async with opened_to_write(settings, only_looks=dry_run) as it, ServiceClient(settings.api_token) as client:
        written = (
            partial(pairs_in_file, summaries) if summaries else partial(pairs_of_api, settings.summary_url, client)
        )
        with progress("looking for missing summaries") as reached, rarely_collected():
            done = await emit_missing_of(it, written, reached, dry_run=dry_run)
    if json:
        as_json(done)
    else:
        _show_missing(done)
    return 0


def _show_missing(done: Missing) -> None:
    found = f"{done.missing:,} of {done.expected:,} summaries up to position {done.through:,} are not in the file"
    line(f"{found}: {done.emitted:,} emitted again" if not done.dry_run else found)
    for visit_id, revision in done.first:
        line(f"  {visit_id} revision {revision}")
    if done.missing > len(done.first):
        line(f"  … and {done.missing - len(done.first):,} more")
    if done.unknown:
        note(f"{done.unknown:,} more were made by an earlier version of the projection, and were restated since")


def _show(refused: Refused) -> None:
    age = lasting(int(refused.age_seconds * SECOND_US))
    line(f"{refused.id}  {refused.visit_id} revision {refused.revision}, parked {age} ago")
    line(f"  {refused.problem}")
    for part in as_lines(bytes(refused.item)):
        line(f"    {part}")


async def _parked_in(outbox: Outbox, problem: str | None) -> AsyncIterator[Parked]:
    """Yield what is parked; with *problem* only what was refused for one that contains it."""
    async for one in outbox.every_parked():
        if problem is None or problem in one.problem:
            yield one
