"""``parkstream log``: the commands that look at the log, and the one that accepts an unreadable record."""

from typing import Annotated, Final

import cyclopts
from cyclopts import Parameter, validators

from parkstream_cli import times
from parkstream_cli.connections import opened, settings_here
from parkstream_cli.errors import MISUSED, ToolError
from parkstream_cli.log import archive, last_records, record_details, search, statistics, transfer, unreadable, verify
from parkstream_cli.output import as_json, line, note
from parkstream_cli.plates import plate_of

REASON_LENGTH_MAX = 500

app: Final = cyclopts.App(name="log", help="The log of all that happened: look at it, check it, move it, keep it.")
app.command(verify.verify_log, name="verify")
app.command(transfer.export_log, name="export")
app.command(transfer.import_log, name="import")
app.command(archive.archive)
app.command(archive.restore)

Position = Annotated[int, Parameter(validator=validators.Number(gte=1))]
Count = Annotated[int, Parameter(validator=validators.Number(gte=0))]
AsLines = Annotated[bool, Parameter(help="Print JSON Lines instead.", negative="")]
AsJson = Annotated[bool, Parameter(help="Print one JSON object instead.", negative="")]
Time = Annotated[str | None, Parameter(allow_leading_hyphen=True, help=f"By recorded time: {times.HELP}")]


@app.command
async def tail(
    count: Count = 10,
    /,
    *,
    follow: Annotated[bool, Parameter(help="Go on with what comes, until Ctrl-C: exit 130.", negative="")] = False,
    json: AsLines = False,
) -> None:
    """Show the last records. Only reads."""
    async with opened(settings_here()) as it:
        await last_records.tail(it.log, count, last_records.printing(json=json), follow=follow)


@app.command
async def show(position: Position, /, *, json: AsJson = False) -> None:
    """Show everything of one record, and what the projection made of it. Only reads."""
    async with opened(settings_here()) as it:
        record, found = await record_details.known(it, position)
        if json:
            as_json(found)
        else:
            record_details.show(record, found)


@app.command
async def find(  # noqa: PLR0913 - options by name
    *,
    plate: Annotated[str | None, Parameter(help="Written in any way.")] = None,
    type: Annotated[str | None, Parameter(help=f"{', '.join(search.SHORT_TYPES)}; or as in the log.")] = None,  # noqa: A002
    id: Annotated[str | None, Parameter(help="Exactly; found by the id index while that knows it.")] = None,  # noqa: A002
    from_: Annotated[Time, Parameter(name="--from")] = None,
    to: Time = None,
    limit: Annotated[int, Parameter(help="Stop after so many.", validator=validators.Number(gte=1))] = 100,
    json: AsLines = False,
) -> None:
    """Show the records that are like this. Only reads: all records between two times, unless an id is given."""
    wanted = search.Wanted(
        plate=None if plate is None else plate_of(plate), type=type, id=id, recorded_from=from_, recorded_to=to
    )
    print_ = last_records.printing(json=json)
    async with opened(settings_here()) as it:
        count = 0
        async for record in search.found(it, wanted):
            if count == limit:
                note(f"there are more than {limit}: ask for more with --limit, or begin with --from")
                return
            print_([record])
            count += 1
    if not count:
        note("no record is like that")


@app.command
async def stats(
    *,
    exact: Annotated[bool, Parameter(help="Read every record, and let Redis count every byte.", negative="")] = False,
    json: AsJson = False,
) -> None:
    """Say how much the log holds, of which types, how fast it grows. Only reads; types and bytes are sampled."""
    async with opened(settings_here()) as it:
        found = await statistics.figures(it, exact=exact)
        if json:
            as_json(found)
        else:
            statistics.show(found)


@app.command(name="unreadable")
async def list_unreadable(*, json: AsJson = False) -> None:
    """List the records that nothing could be made of, and that nobody has acknowledged. Only reads."""
    async with opened(settings_here()) as it:
        found = await unreadable.outstanding(it)
        if json:
            as_json(found)
        else:
            unreadable.show(found)


@app.command
async def acknowledge(
    position: Position,
    /,
    *,
    reason: Annotated[str, Parameter(help="Why it may stay unread; it is kept in the log.")],
    json: AsJson = False,
) -> None:
    """Accept that a record cannot be read, and clear its alarm. Appends one decision to the log, once."""
    if not 0 < len(reason.strip()) <= REASON_LENGTH_MAX:
        message = f"a reason has 1 to {REASON_LENGTH_MAX} characters"
        raise ToolError(message, exit_code=MISUSED)
    async with opened(settings_here()) as it:
        done = await unreadable.acknowledge(it, position, reason.strip())
    if json:
        as_json(done)
    elif done.new:
        line(f"record {position} is accepted, by record {done.decided_at}; the alarm ends when that is projected")
    else:
        line(f"record {position} was accepted before, by record {done.decided_at}")
