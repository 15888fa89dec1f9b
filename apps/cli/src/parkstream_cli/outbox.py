"""``parkstream outbox``: summaries that the summary API refused; delivered again."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated, Self

import cyclopts
from cyclopts import Parameter
from msgspec import Raw, Struct
from parkstream_events.sightings import moment_of
from parkstream_events.units import SECOND_US
from parkstream_projection import Outbox, Parked

from parkstream_cli.connections import opened, settings_here
from parkstream_cli.errors import MISUSED, ToolError
from parkstream_cli.output import AsJson, AsLines, as_json, as_lines, lasting, line, note

app = cyclopts.App(name="outbox", help="List summaries that the summary API refused; deliver them again.")

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
    async with opened(settings_here()) as it:
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
