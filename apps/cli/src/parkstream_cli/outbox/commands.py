"""``parkstream outbox``."""

from typing import Annotated

import cyclopts
from cyclopts import Parameter
from msgspec import Struct
from parkstream_events.units import SECOND_US

from parkstream_cli.bodies import as_lines
from parkstream_cli.connections import opened, settings_here
from parkstream_cli.errors import MISUSED, ToolError
from parkstream_cli.outbox.parked import Refused, parked_in
from parkstream_cli.output import as_json, lasting, line, note

app = cyclopts.App(name="outbox", help="Summaries that the summary API refused: why, and once more.")

Problem = Annotated[str | None, Parameter(help="Only those whose problem contains this: conflict, invalid, …")]
AsLines = Annotated[bool, Parameter(help="Print JSON Lines instead.", negative="")]


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
        async for one in parked_in(it.outbox, problem):
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
    all: Annotated[bool, Parameter(help="All of them.", negative="")] = False,  # noqa: A002 - what it is called
    dry_run: Annotated[bool, Parameter(help="Say how many it would be, and change nothing.", negative="")] = False,
    json: Annotated[bool, Parameter(help="Print one JSON object instead.", negative="")] = False,
) -> int:
    """Put parked summaries back to be delivered, unchanged. What is refused again is parked again."""
    if bool(id or problem) == all or (id and problem):
        message = "say which: --id, --problem, or --all"
        raise ToolError(message, exit_code=MISUSED)
    async with opened(settings_here()) as it:
        ids = [one.id async for one in parked_in(it.outbox, problem) if not id or one.id in id]
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
