"""``parkstream republish``: what it takes, what it prints, and the exit code that it leaves."""

from collections.abc import Iterator
from typing import Annotated, Final

import cyclopts
from cyclopts import Parameter, validators
from parkstream_devtools.republish.plan import NoRangeError, Plan, Report
from parkstream_devtools.republish.run import republish as run
from parkstream_events.topology import EVENTS_EXCHANGE

from parkstream_cli.broker import broker
from parkstream_cli.connections import opened, settings_here
from parkstream_cli.errors import FAILED, MISUSED, ToolError
from parkstream_cli.output import AsJson, as_json, error, line, note
from parkstream_cli.progress import progress

HELP: Final = """\
Send recorded sightings through RabbitMQ again: real load for a test system.

Reads the log at PARKSTREAM_REDIS_URL and publishes to PARKSTREAM_RABBITMQ_URL, as cameras do, but without traces. It
changes nothing in Redis and posts nothing.

A system that has recorded these ids already ignores them as duplicates; --new-ids makes it record them again. With
--as-if-now alone the same ids come with other times, which such a system reports as id_conflict. Sightings that
happened longer ago than PARKSTREAM_DEDUPE_DAYS are refused; --as-if-now moves their times to now. At a higher --speed
the times then run ahead of the clock.

An interrupted run prints the command that sends the rest; what was sent but not confirmed by then is sent again.
"""

app = cyclopts.App(name="republish", help=HELP)
Positive = Annotated[float, Parameter(validator=validators.Number(gt=0))]
Position = Annotated[int | None, Parameter(validator=validators.Number(gte=1))]


@app.default
async def republish(  # noqa: PLR0913 - options by name
    *,
    first: Annotated[Position, Parameter("--from", help="The first position; by default that of the log.")] = None,
    last: Annotated[Position, Parameter("--to", help="The last position; by default the end of the log now.")] = None,
    speed: Annotated[Positive, Parameter(help="How many times as fast as they came.")] = 1.0,
    flat_out: Annotated[bool, Parameter(help="As fast as RabbitMQ takes them.", negative="")] = False,
    exchange: Annotated[str, Parameter(help="Another topic exchange, which must exist.")] = EVENTS_EXCHANGE,
    new_ids: Annotated[bool, Parameter(help="Give each sighting a new id.", negative="")] = False,
    as_if_now: Annotated[bool, Parameter(help="Move their times so that the first is now.", negative="")] = False,
    shift_seconds: Annotated[
        int | None, Parameter(help="Move their times by this: to continue a run with --as-if-now.")
    ] = None,
    json: AsJson = False,
) -> int:
    """Send recorded sightings again. Exits with 1 when not all could be sent."""
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
    report = await _run(plan)
    if report.through < report.last:
        report.go_on_with = " ".join(["parkstream republish", *_words(plan, report)])
    if json:
        as_json(report)
    else:
        _show(report)
    if report.problem:
        error(report.problem)
    if report.go_on_with:
        note(f"continue with: {report.go_on_with}")
    return _exit_code(report)


async def _run(plan: Plan) -> Report:
    settings = settings_here()
    async with opened(settings) as it, broker(settings.rabbitmq_url) as connection:
        with progress("republishing") as reached:
            try:
                return await run(it.log, connection, settings.rabbitmq_url, plan, reached)
            except NoRangeError as error:
                raise ToolError(str(error), exit_code=MISUSED) from error


def _exit_code(report: Report) -> int:
    if report.stopped_by is not None:
        return 128 + report.stopped_by
    return FAILED if report.problem else 0


def _words(plan: Plan, report: Report) -> Iterator[str]:
    """Yield the options that send what *report* says was not sent."""
    yield f"--from {report.through + 1} --to {report.last}"
    yield "--flat-out" if plan.speed is None else f"--speed {plan.speed:g}"
    yield f"--exchange {plan.exchange}"
    if plan.new_ids:
        yield "--new-ids"
    if report.shift_seconds:
        yield f"--shift-seconds {report.shift_seconds}"


def _show(report: Report) -> None:
    """Print *report*."""
    rate = report.sent / report.seconds if report.seconds else 0.0
    count = f"{report.sent:,} sightings ({report.entries:,} entries, {report.exits:,} exits)"
    took = f"{report.seconds:,.1f} s ({rate:,.0f}/s)"
    lines = [f"Sent {count} to {report.exchange} in {took}, positions {report.first:,} to {report.through:,}."]
    if report.shift_seconds:
        lines.append(f"Their times were moved by {report.shift_seconds:,} s.")
    if not report.new_ids:
        lines.append("Their ids are those of the log: a system that has recorded them adds nothing (see --new-ids).")
    if report.decisions:
        lines.append(f"Passed over {report.decisions:,} decisions, which no camera sends.")
    if report.unreadable:
        lines.append(f"Passed over {report.unreadable:,} records that cannot be read.")
    if report.unconfirmed:
        lines.append(f"{report.unconfirmed:,} more were sent, but not confirmed.")
    if report.behind_seconds >= 1:
        lines.append(f"At most {report.behind_seconds:,.1f} s behind the pace.")
    for text in lines:
        line(text)
