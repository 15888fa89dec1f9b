"""``parkstream republish``: what it takes, and the exit code that it leaves."""

import asyncio
import sys
from typing import Annotated

import cyclopts
import msgspec
from cyclopts import Parameter, validators
from parkstream_events.topology import EVENTS_EXCHANGE

from parkstream_cli.connections import opened, settings_here
from parkstream_cli.errors import FAILED, MISUSED, ToolError
from parkstream_cli.republish import HELP
from parkstream_cli.republish.plan import Plan, Report
from parkstream_cli.republish.report import tell
from parkstream_cli.republish.run import republish as run

app = cyclopts.App(name="republish", help=HELP)
Positive = Annotated[float, Parameter(validator=validators.Number(gt=0))]
Position = Annotated[int | None, Parameter(validator=validators.Number(gte=1))]


@app.default
def republish(  # noqa: PLR0913 - options by name
    *,
    first: Annotated[Position, Parameter("--from", help="The first position; by default that of the log.")] = None,
    last: Annotated[Position, Parameter("--to", help="The last position; by default that of the log as it is.")] = None,
    speed: Annotated[Positive, Parameter(help="How many times as fast as they came.")] = 1.0,
    flat_out: Annotated[bool, Parameter(help="As fast as RabbitMQ takes them.", negative="")] = False,
    exchange: Annotated[str, Parameter(help="Another topic exchange, which must exist.")] = EVENTS_EXCHANGE,
    new_ids: Annotated[bool, Parameter(help="Give each sighting a new id.", negative="")] = False,
    as_if_now: Annotated[bool, Parameter(help="Move their times so that the first is now.", negative="")] = False,
    shift_seconds: Annotated[int | None, Parameter(help="Move their times by this, to go on as before.")] = None,
    json: Annotated[bool, Parameter(help="Print one JSON object instead.", negative="")] = False,
) -> int:
    """Send recorded sightings once more; exit 1 when not all could be sent."""
    if as_if_now and shift_seconds is not None:
        problem = "--as-if-now and --shift-seconds both say when sightings happened: leave one of them out"
        raise ToolError(problem, exit_code=MISUSED)
    plan = Plan(
        first=first,
        last=last,
        speed=None if flat_out else speed,
        exchange=exchange,
        new_ids=new_ids,
        as_if_now=as_if_now,
        shift_seconds=shift_seconds,
    )
    report = asyncio.run(_run(plan))
    sys.stdout.write(msgspec.json.encode(report).decode() + "\n" if json else tell(report))
    if report.problem:
        sys.stderr.write(f"error: {report.problem}\n")
    if report.go_on_with:
        sys.stderr.write(f"go on with: {report.go_on_with}\n")
    return _exit_code(report)


async def _run(plan: Plan) -> Report:
    settings = settings_here()
    async with opened(settings) as it:
        return await run(it, settings.rabbitmq_url, plan)


def _exit_code(report: Report) -> int:
    if report.stopped_by is not None:
        return 128 + report.stopped_by
    return FAILED if report.problem else 0
