"""``parkstream log``: the commands that look at the log, and the one that accepts an unreadable record."""

from contextlib import aclosing
from typing import Annotated, Final

import cyclopts
from cyclopts import Parameter, validators
from parkstream_eventlog.prefetch import records_of
from parkstream_eventlog.statistics import Figures, figures
from parkstream_events.units import SECOND_US
from parkstream_projection.questions import unreadable
from parkstream_projection.questions.moments import TIME_HELP
from parkstream_projection.questions.search import SHORT_TYPES, Wanted, found
from parkstream_projection.questions.words import lasting

from parkstream_cli.arguments import moment_us, plate_of
from parkstream_cli.connections import opened, settings_here
from parkstream_cli.errors import MISUSED, ToolError
from parkstream_cli.log import adoption, archive, clock, records, transfer, verify
from parkstream_cli.log.records import print_record
from parkstream_cli.output import AsJson, AsLines, as_json, line, note
from parkstream_cli.progress import progress
from parkstream_cli.written_log import opened_to_write

REASON_LENGTH_MAX = 500

app: Final = cyclopts.App(name="log", help="The event log: look at it, check it, export, import and archive it.")
app.command(verify.verify_log, name="verify")
app.command(transfer.export_log, name="export")
app.command(transfer.import_log, name="import")
app.command(archive.archive)
app.command(adoption.adopt)
app.command(archive.restore)
app.command(clock.accept_clock)

Position = Annotated[int, Parameter(validator=validators.Number(gte=1))]
Count = Annotated[int, Parameter(validator=validators.Number(gte=0))]
Time = Annotated[str | None, Parameter(allow_leading_hyphen=True, help=f"By recorded time: {TIME_HELP}")]


@app.command
async def tail(
    count: Count = 10,
    /,
    *,
    follow: Annotated[bool, Parameter(help="Then show new records, until Ctrl-C (exit 130).", negative="")] = False,
    json: AsLines = False,
) -> None:
    """Show the last records. Only reads."""
    async with opened(settings_here()) as it:
        end = (await it.log.state()).position
        async for record in records_of(it.log, max(0, end - count), end):
            print_record(record, json=json)
        if follow:
            await records.follow(it.log, end, json=json)


@app.command
async def show(position: Position, /, *, json: AsJson = False) -> None:
    """Show everything of one record, and what the projection made of it. Only reads."""
    async with opened(settings_here()) as it:
        record, known = await records.known(it, position)
        if json:
            as_json(known)
        else:
            records.show(record, known)


@app.command
async def find(  # noqa: PLR0913 - options by name
    *,
    plate: Annotated[str | None, Parameter(help="Written in any way.")] = None,
    type: Annotated[str | None, Parameter(help=f"{', '.join(SHORT_TYPES)}; or as in the log.")] = None,  # noqa: A002
    id: Annotated[str | None, Parameter(help="Exactly; found by the id index while that knows it.")] = None,  # noqa: A002
    from_: Annotated[Time, Parameter(name="--from")] = None,
    to: Time = None,
    limit: Annotated[int, Parameter(help="Stop after so many.", validator=validators.Number(gte=1))] = 100,
    json: AsLines = False,
) -> None:
    """Find records by plate, type, id or time. Only reads: all records between two times, unless an id is given."""
    count = 0
    async with opened(settings_here()) as it:
        now_us = (await it.log.state()).now_us
        wanted = Wanted(
            plate=None if plate is None else plate_of(plate),
            type=type,
            id=id,
            recorded_from_us=None if from_ is None else moment_us(from_, now_us),
            recorded_to_us=None if to is None else moment_us(to, now_us),
        )
        with progress("reading") as reached:
            async with aclosing(found(it, wanted, reached, note)) as matching:
                async for record in matching:
                    if count == limit:
                        note(f"there are more than {limit}: ask for more with --limit, or begin with --from")
                        return
                    print_record(record, json=json)
                    count += 1
    if not count:
        note("no record matches")


@app.command
async def stats(
    *,
    exact: Annotated[bool, Parameter(help="Read every record, and let Redis count every byte.", negative="")] = False,
    json: AsJson = False,
) -> None:
    """Show how much of what the log holds, and how fast it grows. Only reads; samples types and bytes."""
    async with opened(settings_here()) as it:
        with progress("reading") as reached:
            counted = await figures(it.log, it.redis, it.keys, reached, exact=exact)
    if json:
        as_json(counted)
    else:
        _show_figures(counted)


@app.command(name="unreadable")
async def list_unreadable(*, json: AsJson = False) -> None:
    """List the records that cannot be read and that nobody has acknowledged. Only reads."""
    async with opened(settings_here()) as it:
        outstanding = await unreadable.outstanding(it)
    if json:
        as_json(outstanding)
    else:
        _show_unreadable(outstanding)


@app.command
async def acknowledge(
    position: Position,
    /,
    *,
    reason: Annotated[str, Parameter(help="Why it may stay unread; it is kept in the log.")],
    json: AsJson = False,
) -> None:
    """Accept that a record cannot be read, and clear its alert. Appends one decision to the log, once."""
    if not 0 < len(reason.strip()) <= REASON_LENGTH_MAX:
        message = f"a reason has 1 to {REASON_LENGTH_MAX} characters"
        raise ToolError(message, exit_code=MISUSED)
    async with opened_to_write(settings_here()) as it:
        done = await unreadable.acknowledge(it, position, reason.strip())
    if json:
        as_json(done)
    elif done.new:
        line(f"record {position} is accepted, by record {done.decided_at}; the alert ends when that is projected")
    else:
        line(f"record {position} was accepted before, by record {done.decided_at}")


def _show_figures(found: Figures) -> None:
    """Print what was *found* for people."""
    line(f"records   {found.records:,}: {found.in_redis:,} in Redis, {found.archived:,} archived")
    if found.bytes_per_record is not None:
        sizes = f"stream {found.stream_bytes:,}, id index {found.index_bytes:,}, {found.bytes_per_record:,} a record"
        line(f"bytes     {sizes}")
    rates = ", ".join(
        f"{'unknown' if rate is None else f'{rate:,.1f}/s'} in the last {name}"
        for name, rate in found.per_second.items()
    )
    line(f"rate      {rates}")
    for name, end in (("oldest", found.oldest), ("newest", found.newest)):
        if end is not None:
            age = lasting(int(end.age_seconds * SECOND_US))
            line(f"{name}    {end.position:,}, recorded {end.recorded_at:%Y-%m-%d %H:%M:%S}Z, {age} ago")
    of = "all" if found.types.are == "exact" else f"a sample of {found.types.records:,} (--exact reads all)"
    for type_, count in sorted(found.types.counts.items(), key=lambda item: -item[1]):
        line(f"type      {type_:<22}  {count:>11,}  {count / found.types.records:>6.1%} of {of}")


def _show_unreadable(found: unreadable.Outstanding) -> None:
    """Print what is outstanding for people."""
    if not found.outstanding:
        line(f"every record up to {found.checkpoint} can be read, or was acknowledged")
        return
    for one in found.unreadable:
        recorded = f"{one.recorded_at:%Y-%m-%d %H:%M:%S}Z" if one.recorded_at else "archived"
        line(f"{one.position:>9}  {recorded}  {one.type:<22}  {one.reason}: {one.detail}")
    if more := found.outstanding - len(found.unreadable):
        line(f"and {more} more, which are not listed: parkstream log find shows them as unreadable")
    line("They change nothing. Look at one with `parkstream log show POSITION`; when a newer version can read it,")
    line("rebuild the projection with that; else accept it with `parkstream log acknowledge POSITION --reason TEXT`.")
