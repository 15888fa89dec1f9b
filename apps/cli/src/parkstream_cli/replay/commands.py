"""``parkstream replay``: what it takes, and the exit code that it leaves."""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager, redirect_stdout
from typing import Annotated, TypeVar

import cyclopts
import msgspec
from cyclopts import Parameter, validators
from parkstream_projection import Version
from parkstream_projection.replay import Source
from parkstream_telemetry import Telemetry, TelemetryOptions, start
from rich.console import Console

from parkstream_cli.connections import Opened, opened, settings_here
from parkstream_cli.errors import MISUSED, ToolError
from parkstream_cli.replay import check, report, run, versions
from parkstream_cli.replay.other_rules import NAMES, changes_of
from parkstream_cli.replay.questions import asked, refuse_with, tell_as_of, tell_what_if
from parkstream_cli.replay.rebuild import in_bulk
from parkstream_cli.replay.run import Wish
from parkstream_cli.replay.what_if import Otherwise
from parkstream_cli.settings import Settings
from parkstream_cli.times import HELP

app = cyclopts.App(
    name="replay",
    help="""Fold the log again, into a version of the visits beside the live one, and compare the two.

The live version goes on meanwhile, and is what everybody reads until --switch makes the new one live, in one step; the
old one stays, for --rollback. An interrupted replay is gone on with.

It touches nothing else: the log is only read, RabbitMQ, the summary API and its file are left alone, and nothing is
delivered again. Where the new version says something else about a visit than was written, --switch refuses; with
--deliver those visits, and only those, are said again as their next revision. That is a decision, and the one thing
that a replay ever appends to the log. When events come so fast that two versions never meet, a switch has the backends
leave events in RabbitMQ for a second or two.

Other options fold it in memory only, and change nothing at all: --check compares with what Redis holds, the state hash
at every 10,000th position and every plate; --to, --recorded-at and --occurred-at ask for another time, --set for other
rules.""",
)

AnswerT = TypeVar("AnswerT")
Flag = Annotated[bool, Parameter(negative="")]
Position = Annotated[int, Parameter(validator=validators.Number(gte=1))]
Time = Annotated[str | None, Parameter(allow_leading_hyphen=True)]
Mode = Callable[[bool], int]


@app.default
def replay(  # noqa: PLR0913 - one command, several modes
    *,
    check: Annotated[Flag, Parameter(help="Only fold in memory, and compare with what Redis holds.")] = False,
    version: Annotated[int | None, Parameter(help="Go on with this version instead of a new one.")] = None,
    switch: Annotated[Flag, Parameter(help="Make it live when both are at the same position.")] = False,
    deliver: Annotated[Flag, Parameter(help="With --switch or --rollback: have differences written.")] = False,
    rollback: Annotated[Flag, Parameter(help="Make the version live again that was so before.")] = False,
    drop: Annotated[int | None, Parameter(help="Remove this version, which must not be live.")] = None,
    list_: Annotated[Flag, Parameter(name="--list", help="Show which versions there are.")] = False,
    to: Annotated[Position | None, Parameter(help="What was known when this position was the last.")] = None,
    recorded_at: Annotated[Time, Parameter(help=f"What was known at this time: {HELP}")] = None,
    occurred_at: Annotated[Time, Parameter(help="What was true at this time, by all that is known now.")] = None,
    plate: Annotated[str | None, Parameter(help="At that time: show this plate's visits too.")] = None,
    inside: Annotated[Flag, Parameter(help="At that time: show the cars that were inside too.")] = False,
    sets: Annotated[
        tuple[str, ...], Parameter("--set", help=f"What if this rule had been another: {', '.join(NAMES)}=VALUE.")
    ] = (),
    start: Annotated[Position | None, Parameter("--from", help="With --set: where the other rules begin.")] = None,
    json: Annotated[Flag, Parameter(help="Print one JSON object instead.")] = False,
) -> int:
    """Rebuild the visits from the log beside the live ones, and compare; the options do more, or something else."""
    if deliver and not (switch or rollback):
        message = "--deliver says what --switch or --rollback do with differences: name one of them"
        raise ToolError(message, exit_code=MISUSED)
    wish = Wish(version=version, rollback=rollback, switch=switch, deliver=deliver)
    if sets:
        refuse_with("--set", {"--recorded-at": recorded_at, "--occurred-at": occurred_at, "--plate": plate})
    else:
        refuse_with("no --set", {"--from": start})
    at_a_time = recorded_at or occurred_at or ((to or plate or inside) and not sets and not check)
    modes: dict[str, Mode | None] = {
        "--check": _checking(to) if check else None,
        "--set": _what_if(Otherwise(changes=changes_of(sets), start=start, to=to)) if sets else None,
        "a time": _as_of(to, recorded_at, occurred_at, plate, inside=inside) if at_a_time else None,
        "--rollback": _rebuilding(wish) if rollback else None,
        "--drop": None if drop is None else _listing(lambda it: versions.drop(it, drop)),
        "--list": _listing(versions.versions_of) if list_ else None,
        "--switch or --version": _rebuilding(wish) if switch or version is not None else None,
    }
    return _chosen(modes, otherwise=_rebuilding(wish))(json)


def _chosen(modes: dict[str, Mode | None], otherwise: Mode) -> Mode:
    """Return the mode that was asked for; raise ``ToolError`` for several."""
    asked = {name: mode for name, mode in modes.items() if mode is not None}
    if len(asked) > 1:
        message = f"{' and '.join(asked)} exclude each other: take one"
        raise ToolError(message, exit_code=MISUSED)
    return next(iter(asked.values()), otherwise)


def _checking(to: int | None) -> Mode:
    def mode(json: bool) -> int:  # noqa: FBT001 - passed on
        settings = settings_here()
        with _telemetry(settings) as telemetry:
            result = _with(settings, lambda it: check.checked(it, _source(settings), to, telemetry))
        if json:
            sys.stdout.write(msgspec.json.encode(check.answer_of(result)).decode() + "\n")
        else:
            check.tell(result, Console())
        return check.exit_code_of(result)

    return mode


def _as_of(
    to: int | None, recorded_at: str | None, occurred_at: str | None, plate: str | None, *, inside: bool
) -> Mode:
    question = asked(to, recorded_at, occurred_at, plate, inside=inside)
    return lambda json: tell_as_of(question, json=json)


def _what_if(question: Otherwise) -> Mode:
    return lambda json: tell_what_if(question, json=json)


def _rebuilding(wish: Wish) -> Mode:
    def mode(json: bool) -> int:  # noqa: FBT001 - passed on
        settings = settings_here()
        with _telemetry(settings) as telemetry:
            result = _with(settings, lambda it: run.replay(it, wish, telemetry, in_bulk(_source(settings))))
        if json:
            sys.stdout.write(msgspec.json.encode(result).decode() + "\n")
        else:
            report.tell(result, Console())
        report.refuse(result, wish)
        return 0

    return mode


def _listing(which: Callable[[Opened], Awaitable[list[Version]]]) -> Mode:
    def mode(json: bool) -> int:  # noqa: FBT001
        found = _with(settings_here(), which)
        if json:
            sys.stdout.write(msgspec.json.encode({"versions": found}).decode() + "\n")
        else:
            versions.show(found, Console())
        return 0

    return mode


@contextmanager
def _telemetry(settings: Settings) -> Generator[Telemetry]:
    """Emit telemetry as parkstream-cli; what it logs goes to stderr, because it is no answer."""
    with redirect_stdout(sys.stderr):
        telemetry = start(
            TelemetryOptions(service="parkstream-cli", plate_hash_key=settings.plate_hash_key, statistics_seconds=0)
        )
        try:
            yield telemetry
        finally:
            telemetry.shutdown()


def _source(settings: Settings) -> Source:
    return Source(settings.redis_url, settings.mall, settings.archive_dir)


def _with(settings: Settings, work: Callable[[Opened], Awaitable[AnswerT]]) -> AnswerT:
    async def inside() -> AnswerT:
        async with opened(settings) as it:
            return await work(it)

    return asyncio.run(inside())
