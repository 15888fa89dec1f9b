"""``parkstream cells``: lists the malls of the file of cells, looks at them, makes another one."""

from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import Annotated, Final

import cyclopts
from cyclopts import Parameter
from msgspec import Struct
from parkstream_operations.cells.cell_health import READY, CellHealth, health_of
from parkstream_operations.cells.cells_file import Cells, path_here, read_cells
from parkstream_operations.cells.new_cell import Added, Plan, add_cell
from parkstream_operations.findings import Finding, Level, wrong
from parkstream_service.settings import HTTP_URL, REDIS_URL, SettingsError
from parkstream_service.settings.loader import load
from parkstream_service.settings.sources import FILE_SUFFIX, text_of
from parkstream_service.settings.urls import check_url, words_of_url
from parkstream_service.unreachable import reason
from redis.exceptions import RedisError

from parkstream_cli.cells.broker_move import BrokerMove
from parkstream_cli.cells.move import move_errors
from parkstream_cli.cells.moves import Servers, moving_of, show_moved
from parkstream_cli.doctor.command import examine, show
from parkstream_cli.errors import FAILED, MISUSED, ToolError
from parkstream_cli.output import AsJson, as_json, line, note, paragraph
from parkstream_cli.settings import Settings

WEB, OF_REDIS = HTTP_URL["url"], REDIS_URL["url"]
MANAGEMENT: Final = (
    "A file with the address of RabbitMQ's management, and an administrator: http://USER:PASSWORD@HOST:15672."
)
REDIS_ADMIN: Final = "A file with the address of Redis, and who may change its users: redis://USER:PASSWORD@HOST:6379."
HELP: Final = """\
Many malls, each a cell of its own: list and check them, add one, move one.

PARKSTREAM_CELLS names the file that lists them (by default cells.toml here); a table [malls.NAME] has the endpoints of
one. The other commands take --mall NAME, and with it the endpoints from there.
"""
app = cyclopts.App(name="cells", help=HELP)
HEAD: Final = ("mall", "health", "RabbitMQ", "Redis", "console")


class Checked(Struct, frozen=True):
    """What a look at everything of one mall found."""

    mall: str
    ok: bool
    findings: list[Finding]


@app.command(name="list")
async def list_cells(*, json: AsJson = False) -> int:
    """List the malls, where they run, and how their backend and summary API are; exits with 1 if one is not ready."""
    found = await health_of(read_cells(path_here()))
    if json:
        as_json(found)
    else:
        _show(found)
    return 0 if all(one.status == READY for one in found) else FAILED


@app.command
async def check(
    *malls: Annotated[str, Parameter(help="Only these; by default all.")],
    json: AsJson = False,
) -> int:
    """Check each mall as parkstream doctor does; print what is wrong and how to mend it (exit 1)."""
    cells = read_cells(path_here())
    for mall in malls:
        cells.cell(mall)  # Raises for one that is not there, before anything is looked at.
    checked = [Checked(mall, _is_well(found), found) async for mall, found in _examined(cells, malls or cells.malls)]
    if json:
        as_json({"ok": all(one.ok for one in checked), "malls": checked})
    else:
        for one in checked:
            line(f"{one.mall}: {'all is well' if one.ok else 'something is wrong'}")
            show(one.findings)
            line()
    if not checked:
        note(f"{cells.path} lists no mall: parkstream cells add makes one")
    return 0 if all(one.ok for one in checked) else FAILED


@app.command
async def move(  # noqa: PLR0913 - options by name
    mall: Annotated[str, Parameter(help="Which mall.")],
    /,
    *,
    redis_url: Annotated[str | None, Parameter(help="Where its new Redis is, without a user.")] = None,
    redis_admin: Annotated[Path | None, Parameter(help=REDIS_ADMIN + " The new one's: makes the mall's users.")] = None,
    rabbitmq_url: Annotated[str | None, Parameter(help="Where its new RabbitMQ is, without user and vhost.")] = None,
    management: Annotated[Path | None, Parameter(help=MANAGEMENT + " The new one's: makes vhost and users.")] = None,
    restart: Annotated[str | None, Parameter(help="A command that starts the mall's services again.")] = None,
    back: Annotated[bool, Parameter(help="Go back, while the move has not ended.", negative="")] = False,
    json: AsJson = False,
) -> None:
    """Move a mall to another Redis or RabbitMQ while its cameras go on: nothing is lost; prints the pause of recording.

    The old place is closed, what is left of it is taken over, the addresses in the mall's secrets are changed, and the
    services are started again. Interrupted anywhere it can be run again. A log is copied while it grows, and compared.
    A new Redis must have the functions (parkstream functions load); stop generators first: with it they begin anew.
    """
    cells = read_cells(path_here())
    with move_errors():
        settings = load(Settings, cells.environ(mall))
        at = Servers(settings.redis_url, settings.rabbitmq_url)
        moving = moving_of(cells, mall, at, Servers(redis_url, rabbitmq_url), back=back)
        admin, other = ("--management", management), ("--redis-admin", redis_admin)
        admin, other = (admin, other) if isinstance(moving, BrokerMove) else (other, admin)
        if other[1] is not None:
            message = f"{other[0]} is of another server than what is moved: give {admin[0]}, or neither"
            raise ToolError(message, exit_code=MISUSED)
        if (url := _url_in(*admin, WEB if isinstance(moving, BrokerMove) else OF_REDIS)) is not None:
            await moving.make_users(url)
        answer = await (moving.back() if back else moving.run(restart))
    if json:
        as_json(answer)
    elif answer is None:
        line(f"{mall} is where it was: restart its services")
    else:
        show_moved(mall, answer)


async def _examined(cells: Cells, malls: Iterable[str]) -> AsyncIterator[tuple[str, list[Finding]]]:
    for mall in malls:
        try:
            settings = load(Settings, cells.environ(mall))
        except SettingsError as error:
            yield mall, [wrong("settings", problem, f"mend {cells.path}") for problem in error.errors]
        else:
            yield mall, await examine(settings)


@app.command
async def add(  # noqa: PLR0913 - options by name
    mall: Annotated[str, Parameter(help="What the mall is called: in its vhost, its keys and its users.")],
    /,
    *,
    rabbitmq_url: Annotated[
        str, Parameter(help="Where its RabbitMQ is, without a user and a vhost; of a cluster amqp://HOST,HOST.")
    ],
    redis_url: Annotated[str, Parameter(help="Where its Redis is, without a user.")],
    backend_url: Annotated[str, Parameter(help="Where its backend will be.")],
    summary_url: Annotated[str, Parameter(help="Where its summary API will be.")],
    console_url: Annotated[str | None, Parameter(help="Where its console will be.")] = None,
    management: Annotated[Path | None, Parameter(help=MANAGEMENT)] = None,
    redis_admin: Annotated[Path | None, Parameter(help=REDIS_ADMIN)] = None,
    dry_run: Annotated[bool, Parameter(help="Only print what would be done.", negative="")] = False,
    json: AsJson = False,
) -> None:
    """Make a mall: its secrets, its vhost, its users and their rights in RabbitMQ and Redis, its entry in the file.

    What is there already stays; so it may be repeated, and brings users and rights of before up to date.
    """
    plan = Plan(
        mall=mall,
        rabbitmq_url=rabbitmq_url,
        redis_url=redis_url,
        backend_url=backend_url,
        summary_url=summary_url,
        console_url=console_url,
    )
    admins = _url_in("--management", management, WEB), _url_in("--redis-admin", redis_admin, OF_REDIS)
    try:
        added = await add_cell(path_here(), plan, *admins, dry_run=dry_run)
    except (RedisError, OSError) as error:
        message = f"{_place_of(error, redis_admin)}: {reason(error)}: run it again when that is set right: it goes on"
        raise ToolError(message) from error
    if json:
        as_json(added)
    else:
        _show_added(added)


def _is_well(findings: list[Finding]) -> bool:
    return all(finding.level is not Level.WRONG for finding in findings)


def _url_in(option: str, file: Path | None, schemes: tuple[str, ...]) -> str | None:
    """Return the address in *file*; raise ``ToolError`` when there is none."""
    if file is None:
        return None
    try:
        url = text_of(option, {option + FILE_SUFFIX: str(file)})
    except ValueError as error:
        raise ToolError(str(error).replace(option + FILE_SUFFIX, option), exit_code=MISUSED) from error
    try:
        check_url(url, schemes)
    except ValueError as error:
        message = f"{option}: what is in {file} is no address of {words_of_url(schemes)}"
        raise ToolError(message, exit_code=MISUSED) from error
    return url


def _place_of(error: Exception, redis_admin: Path | None) -> str:
    return (
        f"the Redis in {redis_admin}" if isinstance(error, RedisError) else getattr(error, "filename", "") or "a file"
    )


def _show_added(added: Added) -> None:
    for step in added.steps:
        line(f"{step.state:<16}  {step.what} {step.name}")
    for advice in added.to_do:
        paragraph(f"→ {advice}", indent="")
    line(f"the services' addresses with passwords {'would be' if added.dry_run else 'are'} in {added.secrets}")
    line(f"then: load the functions once, start the services, and look: parkstream cells check {added.mall}")


def _show(found: list[CellHealth]) -> None:
    rows = [HEAD, *((one.mall, one.status, one.rabbitmq, one.redis, one.console_url or "") for one in found)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        line("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    for one in found:
        for about, detail in one.problems.items():
            line(f"{one.mall}: {about}: {detail}")
    if not found:
        note("no mall is listed: parkstream cells add makes one")
