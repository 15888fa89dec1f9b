"""``parkstream replay``: what it takes, and the exit code that it leaves."""

import sys
import time
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager, redirect_stdout
from datetime import datetime
from typing import Annotated, Any

import cyclopts
from cyclopts import Parameter, validators
from parkstream_events.sightings import moment_of
from parkstream_projection import Versions
from parkstream_projection.opened import Opened
from parkstream_projection.questions.as_of import AsOf, as_of
from parkstream_projection.questions.moments import TIME_HELP
from parkstream_projection.questions.what_if import NAMES, Otherwise, what_if
from parkstream_projection.rebuild import Batch, Source, check
from parkstream_projection.rebuild.run import Result, Wish
from parkstream_projection.rebuild.run import replay as run
from parkstream_telemetry import Telemetry, TelemetryOptions, start
from parkstream_telemetry.replay_trace import checked, traced

from parkstream_cli.arguments import changes_of, moment_us, plate_of, within
from parkstream_cli.connections import settings_here
from parkstream_cli.console import PlainConsole
from parkstream_cli.errors import FAILED, MISUSED, ToolError
from parkstream_cli.output import AsJson, as_json
from parkstream_cli.progress import progress
from parkstream_cli.replay import answers
from parkstream_cli.written_log import opened_to_write

app = cyclopts.App(
    name="replay",
    help="""Rebuild the visits from the event log, compare them with the live ones, and switch to them.

The rebuilt version stands beside the live one, which goes on and is what everybody reads. --switch makes the new one
live, in one step; the old one stays, for --rollback. An interrupted replay continues when it is run again.

Nothing else is touched: the log is only read, RabbitMQ, the summary API and its file are left alone, and nothing is
delivered again. Where the new version differs from what was written about a visit, --switch refuses; with --deliver
those visits, and only those, are written as their next revision. For that a decision is appended to the log, the only
thing that a replay ever appends. When events come so fast that the two versions never meet, a switch makes the backends
leave events in RabbitMQ for a second or two.

Other options rebuild in memory only, and change nothing at all. --check compares with what Redis holds: the state hash
at every 10,000th position, and every plate. --to and --recorded-at show what was known at another time, --occurred-at
what was true then, --set what other rules would change.""",
)

Flag = Annotated[bool, Parameter(negative="")]
Position = Annotated[int, Parameter(validator=validators.Number(gte=1))]
Time = Annotated[str | None, Parameter(allow_leading_hyphen=True)]
Sets = Annotated[
    tuple[str, ...],
    Parameter(
        "--set", negative_iterable="", help=f"What if a rule were another: {', '.join(NAMES)}=VALUE; may be repeated."
    ),
]
Mode = Callable[[Opened, bool], Awaitable[int]]
"""Does what was asked for, prints it, as JSON if so, and returns the exit code."""


@app.default
async def replay(  # noqa: PLR0913 - one command, several modes
    *,
    check: Annotated[Flag, Parameter(help="Only rebuild in memory, and compare with what Redis holds.")] = False,
    version: Annotated[int | None, Parameter(help="Continue this version instead of a new one.")] = None,
    switch: Annotated[Flag, Parameter(help="Make the rebuilt version live, once both are at one position.")] = False,
    deliver: Annotated[Flag, Parameter(help="With --switch or --rollback: write visits that differ.")] = False,
    rollback: Annotated[Flag, Parameter(help="Make the version live again that was live before.")] = False,
    drop: Annotated[int | None, Parameter(help="Delete this version, which must not be live.")] = None,
    list_: Annotated[Flag, Parameter(name="--list", help="List the versions.")] = False,
    to: Annotated[Position | None, Parameter(help="What was known when the log ended at this position.")] = None,
    recorded_at: Annotated[Time, Parameter(help=f"What was known at this time: {TIME_HELP}")] = None,
    occurred_at: Annotated[Time, Parameter(help="What was true at this time, by all that is known now.")] = None,
    plate: Annotated[str | None, Parameter(help="At that time: show this plate's visits too.")] = None,
    inside: Annotated[Flag, Parameter(help="At that time: show the cars that were inside too.")] = False,
    sets: Sets = (),
    start: Annotated[Position | None, Parameter("--from", help="With --set: where the other rules begin.")] = None,
    json: AsJson = False,
) -> int:
    """Rebuild the visits from the event log, and compare them with the live ones."""
    _refuse_odd(
        ("--deliver", "--switch or --rollback", deliver and not (switch or rollback)),
        ("--from", "--set", start is not None and not sets),
    )
    wish = Wish(version=version, rollback=rollback, switch=switch, deliver=deliver)
    at_a_time = recorded_at or occurred_at or plate or inside or (to and not sets and not check)
    modes: dict[str, Mode | None] = {
        "--check": _checking(to) if check else None,
        "--set": _what_if(Otherwise(changes=changes_of(sets), start=start, to=to)) if sets else None,
        "a time or a plate": _as_of(_asked(to, recorded_at, occurred_at, plate, inside=inside)) if at_a_time else None,
        "--rollback": _rebuilding(wish) if rollback else None,
        "--drop": None if drop is None else _listing(drop),
        "--list": _listing() if list_ else None,
        "--switch or --version": _rebuilding(wish) if switch or version is not None else None,
    }
    mode = _chosen(modes, otherwise=_rebuilding(wish))
    async with opened_to_write(settings_here(), only_looks=bool(check or sets or at_a_time or list_)) as it:
        return await mode(it, json)


def _refuse_odd(*given: tuple[str, str, bool]) -> None:
    """Raise ``ToolError`` for an option that was given without another one that it needs."""
    for option, needed, odd in given:
        if odd:
            problem = f"{option} has an effect with {needed} only: give that too, or leave it out"
            raise ToolError(problem, exit_code=MISUSED)


def _chosen(modes: dict[str, Mode | None], otherwise: Mode) -> Mode:
    """Return the mode that was asked for; raise ``ToolError`` for several."""
    asked = {name: mode for name, mode in modes.items() if mode is not None}
    if len(asked) > 1:
        message = f"{' and '.join(asked)} exclude each other: take one"
        raise ToolError(message, exit_code=MISUSED)
    return next(iter(asked.values()), otherwise)


def _asked(
    to: int | None, recorded_at: str | None, occurred_at: str | None, plate: str | None, *, inside: bool
) -> AsOf:
    """Return the question; raise ``ToolError`` unless it is exactly one, with a time and a plate that can be read."""
    if sum(when is not None for when in (to, recorded_at, occurred_at)) != 1:
        problem = "give one of --to, --recorded-at, --occurred-at and --set"
        raise ToolError(problem, exit_code=MISUSED)
    return AsOf(
        to=to,
        recorded_at=None if recorded_at is None else _moment(recorded_at),
        occurred_at=None if occurred_at is None else _moment(occurred_at),
        plate=None if plate is None else plate_of(plate),
        inside=inside,
    )


def _moment(text: str) -> datetime:
    return moment_of(moment_us(text, time.time_ns() // 1_000))


def _checking(to: int | None) -> Mode:
    async def mode(it: Opened, json: bool) -> int:  # noqa: FBT001 - a mode's own
        with _telemetry() as telemetry, checked(telemetry) as outcome, progress("folding the log") as reached:
            result = await check(_source(), it.redis, it.keys, to=to, on_progress=reached)
            outcome(result.events, result.equal)
        _print(answers.check_answer(result), lambda console: answers.show_check(result, console), json=json)
        return 0 if result.equal else FAILED

    return mode


def _as_of(question: AsOf) -> Mode:
    async def mode(it: Opened, json: bool) -> int:  # noqa: FBT001 - a mode's own
        if question.to is not None:
            within("--to", question.to, (await it.log.state()).position)
        with progress("reading the log") as reached:
            found = await as_of(it.log, question, reached)
        _print(found, lambda console: answers.show_as_of(found, console), json=json)
        return 0

    return mode


def _what_if(question: Otherwise) -> Mode:
    async def mode(it: Opened, json: bool) -> int:  # noqa: FBT001 - a mode's own
        end = (await it.log.state()).position
        last = end if question.to is None else within("--to", question.to, end)
        if question.start is not None:
            within("--from", question.start, last)
        with progress("reading the log") as reached:
            found = await what_if(it.log, question, reached)
        _print(found, lambda console: answers.show_what_if(found, console), json=json)
        return 0

    return mode


def _listing(drop: int | None = None) -> Mode:
    async def mode(it: Opened, json: bool) -> int:  # noqa: FBT001 - a mode's own
        versions = Versions(it.redis, it.keys, writer=it.writer)
        if drop is not None:
            await versions.drop(drop)
        found = await versions.all()
        _print({"versions": found}, lambda console: answers.show_versions(found, console), json=json)
        return 0

    return mode


def _rebuilding(wish: Wish) -> Mode:
    async def mode(it: Opened, json: bool) -> int:  # noqa: FBT001 - a mode's own
        with _telemetry() as telemetry:
            result = await rebuilt(it, _source(), wish, telemetry)
        _print(result, lambda console: answers.show_result(result, console), json=json)
        _refuse(result, wish)
        return 0

    return mode


async def rebuilt(it: Opened, source: Source, wish: Wish, telemetry: Telemetry) -> Result:
    """Do what *wish* says, traced and with a progress bar."""
    version = await wish.target(Versions(it.redis, it.keys, writer=it.writer))
    total = (await it.reads.state()).checkpoint
    with traced(telemetry, version) as trace, progress(f"rebuilding version {version}", total) as reached:

        def folded(batch: Batch) -> None:
            trace.folded(batch.in_order())
            reached(batch.last, max(total, batch.last))

        result = await run(it, source, version, wish, folded)
        trace.hash_equal = result.hash_equal
    return result


def _refuse(result: Result, wish: Wish) -> None:
    """Raise ``ToolError`` when *wish* could not be fulfilled because of differences."""
    if result.switched or not (wish.switch or wish.rollback):
        return
    again = "--rollback --deliver" if wish.rollback else f"--version {result.version} --switch --deliver"
    message = (
        f"version {result.version} differs in {result.differences:,} visits from what was written, so version "
        f"{result.live} stays live: parkstream replay {again} makes it live and writes those visits, each as its "
        "next revision"
    )
    raise ToolError(message)


@contextmanager
def _telemetry() -> Generator[Telemetry, None, None]:
    """Emit telemetry as parkstream-cli; what it logs goes to stderr, because it is no answer."""
    key = settings_here().plate_hash_key
    with redirect_stdout(sys.stderr):
        telemetry = start(TelemetryOptions(service="parkstream-cli", plate_hash_key=key, statistics_seconds=0))
        try:
            yield telemetry
        finally:
            telemetry.shutdown()


def _source() -> Source:
    settings = settings_here()
    return Source(settings.redis_url, settings.mall, settings.archive_dir)


def _print(answer: Any, show: Callable[[PlainConsole], None], *, json: bool) -> None:  # noqa: ANN401 - msgspec encodes it
    if json:
        as_json(answer)
    else:
        show(PlainConsole())
