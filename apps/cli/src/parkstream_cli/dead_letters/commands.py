"""``parkstream dead-letters``."""

from typing import Annotated

import cyclopts
import msgspec
from cyclopts import Parameter, validators

from parkstream_cli.bodies import as_lines
from parkstream_cli.connections import settings_here
from parkstream_cli.dead_letters import HELP
from parkstream_cli.dead_letters.letters import Letter, Selection
from parkstream_cli.dead_letters.queue_reader import lying
from parkstream_cli.dead_letters.redrive import Redriven
from parkstream_cli.dead_letters.redrive import redrive as redrive_selected
from parkstream_cli.errors import MISUSED, ToolError
from parkstream_cli.output import as_json, line, note
from parkstream_cli.progress import progress

app = cyclopts.App(name="dead-letters", help=HELP)

Reason = Annotated[str | None, Parameter(help="Only those refused for this, as `list` says it: not_json, too_old, …")]
Queue = Annotated[str | None, Parameter(help="Only those that came from this queue.")]
Ids = Annotated[tuple[str, ...], Parameter(name="--id", help="Only this one; may be repeated.", negative="")]


def _url() -> str:
    return settings_here().rabbitmq_url


@app.command(name="list")
async def list_(
    *,
    reason: Reason = None,
    queue: Queue = None,
    limit: Annotated[int, Parameter(help="Stop after so many.", validator=validators.Number(gte=1))] = 100,
    json: Annotated[bool, Parameter(help="Print JSON Lines instead, with headers and body.", negative="")] = False,
) -> None:
    """List dead letters. Takes nothing away; while it looks, others do not see what it has looked at."""
    selection, count = Selection(reason=reason, queue=queue), 0
    async with lying(_url()) as letters:
        with progress("reading", letters.waiting) as reached:
            async for message in letters.messages(reached):
                letter = Letter.of(message)
                if not selection.selects(letter):
                    continue
                if count == limit:
                    note(f"there are more than {limit}: ask for more with --limit")
                    break
                count += 1
                as_json(letter) if json else line(_row(letter))
    if not count:
        note("no dead letter is like that" if reason or queue else "there is no dead letter")


@app.command
async def show(
    id: Annotated[str, Parameter(help="As `list` shows it.")],  # noqa: A002 - what it is called
    /,
    *,
    json: Annotated[bool, Parameter(help="Print JSON Lines instead.", negative="")] = False,
) -> None:
    """Show everything of the dead letters with an id. Takes nothing away."""
    found = False
    async with lying(_url()) as letters:
        with progress("reading", letters.waiting) as reached:
            async for message in letters.messages(reached):
                letter = Letter.of(message)
                if letter.id == id:
                    found = True
                    as_json(letter) if json else _show(letter, message.body)
    if not found:
        problem = f"there is no dead letter {id}: see `parkstream dead-letters list`"
        raise ToolError(problem)


@app.command
async def redrive(  # noqa: PLR0913 - options by name
    *,
    id: Ids = (),  # noqa: A002 - what it is called
    reason: Reason = None,
    queue: Queue = None,
    all: Annotated[bool, Parameter(help="All of them.", negative="")] = False,  # noqa: A002 - what it is called
    dry_run: Annotated[bool, Parameter(help="Say what would be redriven, and publish nothing.", negative="")] = False,
    json: Annotated[bool, Parameter(help="Print one JSON object instead.", negative="")] = False,
) -> int:
    """Publish dead letters once more, unchanged; each is gone here after RabbitMQ has confirmed it there.

    What is not selected stays. What is still wrong comes back; what the log has already is ignored there.
    """
    if bool(id or reason or queue) == all:
        message = "say which: --id, --reason, --queue, or --all"
        raise ToolError(message, exit_code=MISUSED)
    async with lying(_url()) as letters:
        done = await redrive_selected(letters, Selection(ids=id, reason=reason, queue=queue), dry_run=dry_run)
    if json:
        as_json(done)
    else:
        _tell(done)
    return 0 if done.complete else 1


def _row(letter: Letter) -> str:
    published = f"{letter.published_at:%Y-%m-%d %H:%M:%S}Z" if letter.published_at else "unknown time       "
    return f"{published}  {letter.reason:<13}  {letter.queue or 'unknown queue':<15}  {letter.id}  {letter.detail}"


def _show(letter: Letter, body: bytes) -> None:
    line(f"dead letter {letter.id}")
    rows = {"type": letter.type, "reason": letter.reason, "detail": letter.detail, "from": letter.queue}
    for name, value in {**rows, "published": letter.published_at}.items():
        line(f"  {name:<10} {value or 'unknown'}")
    for name, value in letter.headers.items():
        line(f"  header     {name}: {msgspec.json.encode(value).decode()}")
    line(f"  body, {len(body):,} bytes")
    for part in as_lines(body):
        line(f"    {part}")


def _tell(done: Redriven) -> None:
    would = "would be redriven" if done.dry_run else "redriven"
    line(f"{len(done.redriven)} {would}, {done.stay} stay")
    for id_ in done.impossible:
        note(f"{id_} stays: nothing says from which of our queues it came, or its headers cannot be written")
    for id_ in done.unknown:
        note(f"there is no dead letter {id_}")
