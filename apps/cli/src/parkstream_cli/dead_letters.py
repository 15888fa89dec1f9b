"""``parkstream dead-letters``: what was refused and why; sent again."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated, Any, Final

import cyclopts
from cyclopts import Parameter, validators
from msgspec import structs
from parkstream_messaging.dead_letters import Letter, Selection, dead_letters
from parkstream_messaging.nodes import user_of
from parkstream_messaging.redrive import Redriven
from parkstream_messaging.redrive import redrive as redrive_selected

from parkstream_cli.broker import broker
from parkstream_cli.connections import settings_here
from parkstream_cli.errors import MISUSED, ToolError
from parkstream_cli.output import AsJson, AsLines, as_json, as_lines, as_value, json_of, line, note
from parkstream_cli.progress import progress

HELP: Final = """\
List messages that the backend refused; send them again.

A dead letter is a message that is no valid sighting, or came too late. It is kept here with the reason.
"""

app = cyclopts.App(name="dead-letters", help=HELP)

Reason = Annotated[str | None, Parameter(help="Only those refused for this, as `list` says it: not_json, too_old, …")]
Queue = Annotated[str | None, Parameter(help="Only those that came from this queue.")]
Ids = Annotated[tuple[str, ...], Parameter(name="--id", help="Only this one; may be repeated.", negative="")]


async def _found(selection: Selection) -> AsyncGenerator[Letter, None]:
    async with broker(settings_here().rabbitmq_url) as connection, dead_letters(connection) as letters:
        with progress("reading", letters.waiting) as reached:
            async for message in letters.messages(reached):
                if selection.selects(letter := Letter.of(message)):
                    yield letter


@app.command(name="list")
async def list_(
    *,
    reason: Reason = None,
    queue: Queue = None,
    limit: Annotated[int, Parameter(help="Stop after so many.", validator=validators.Number(gte=1))] = 100,
    json: Annotated[bool, Parameter(help="Print JSON Lines instead, with headers and body.", negative="")] = False,
) -> None:
    """List dead letters. Takes nothing away; while it looks, others do not see what it has looked at."""
    count = 0
    async with aclosing(_found(Selection(reason=reason, queue=queue))) as letters:
        async for letter in letters:
            if count == limit:
                note(f"there are more than {limit}: ask for more with --limit")
                break
            count += 1
            as_json(_answer(letter)) if json else line(_row(letter))
    if not count:
        note("no dead letter is like that" if reason or queue else "there is no dead letter")


@app.command
async def show(
    id: Annotated[str, Parameter(help="As `list` shows it.")],  # noqa: A002 - what it is called
    /,
    *,
    json: AsLines = False,
) -> None:
    """Show headers and body of the dead letters with this id. Takes nothing away."""
    found = False
    async with aclosing(_found(Selection(ids=(id,)))) as letters:
        async for letter in letters:
            found = True
            as_json(_answer(letter)) if json else _show(letter)
    if not found:
        problem = f"there is no dead letter {id}: see `parkstream dead-letters list`"
        raise ToolError(problem)


@app.command
async def redrive(  # noqa: PLR0913 - options by name
    *,
    id: Ids = (),  # noqa: A002 - what it is called
    reason: Reason = None,
    queue: Queue = None,
    all: Annotated[bool, Parameter(help="Send all of them.", negative="")] = False,  # noqa: A002 - what it is called
    untrusted: Annotated[bool, Parameter(help="Also what nobody vouches for; look at it first.", negative="")] = False,
    dry_run: Annotated[bool, Parameter(help="Only list what would be sent.", negative="")] = False,
    json: AsJson = False,
) -> int:
    """Send dead letters to the backend again, unchanged.

    Each is removed here after RabbitMQ has confirmed it there; what is not selected stays. What is still wrong becomes
    a dead letter again; what the log has already is ignored there. Only what the backend put here is sent, unless
    --untrusted is given: anybody else's would become a sighting.
    """
    if bool(id or reason or queue) == all:
        message = "say which: --id, --reason, --queue, or --all"
        raise ToolError(message, exit_code=MISUSED)
    selection = Selection(ids=id, reason=reason, queue=queue)
    settings = settings_here()
    trusted = None if untrusted else {settings.rabbitmq_backend_user, user_of(settings.rabbitmq_url)}
    async with broker(settings.rabbitmq_url) as connection, dead_letters(connection) as letters:
        with progress("reading" if dry_run else "sending", letters.waiting) as reached:
            done = await redrive_selected(letters, selection, reached, trusted=trusted, dry_run=dry_run)
    if json:
        as_json(done)
    else:
        _print_outcome(done)
    return 0 if done.complete else 1


def _answer(letter: Letter) -> dict[str, Any]:
    return {**structs.asdict(letter), "body": as_value(letter.body)}


def _row(letter: Letter) -> str:
    published = f"{letter.published_at:%Y-%m-%d %H:%M:%S}Z" if letter.published_at else "unknown time       "
    return f"{published}  {letter.reason:<13}  {letter.queue or 'unknown queue':<15}  {letter.id}  {letter.detail}"


def _show(letter: Letter) -> None:
    line(f"dead letter {letter.id}")
    rows = {"type": letter.type, "reason": letter.reason, "detail": letter.detail, "from": letter.queue}
    rows["user"] = letter.user
    for name, value in {**rows, "published": letter.published_at}.items():
        line(f"  {name:<10} {value or 'unknown'}")
    for name, value in letter.headers.items():
        line(f"  header     {name}: {json_of(value)}")
    line(f"  body, {len(letter.body):,} bytes")
    for part in as_lines(letter.body):
        line(f"    {part}")


def _print_outcome(done: Redriven) -> None:
    would = "would be redriven" if done.dry_run else "redriven"
    line(f"{len(done.redriven)} {would}, {done.stay} stay")
    for id_ in done.untrusted:
        note(f"{id_} stays: the backend did not put it here; look at it, then --untrusted")
    for id_ in done.impossible:
        note(f"{id_} stays: nothing says from which of our queues it came, or it cannot or must not be sent there")
    for id_ in done.unknown:
        note(f"there is no dead letter {id_}")
