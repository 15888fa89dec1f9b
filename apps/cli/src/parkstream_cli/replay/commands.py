"""``parkstream replay``: what it takes, and the exit code that it leaves."""

import asyncio
import os
import sys
from typing import Annotated

import cyclopts
import msgspec
from cyclopts import Parameter
from parkstream_events.sightings import normalised_plate
from parkstream_settings import settings_or_exit
from rich.console import Console

from parkstream_cli.failing import MISUSED, ToolError
from parkstream_cli.opening import opened
from parkstream_cli.replay.as_of import Answer, AsOf, as_of
from parkstream_cli.replay.other_rules import NAMES, changes_of
from parkstream_cli.replay.showing import show_as_of, show_what_if
from parkstream_cli.replay.times import moment
from parkstream_cli.replay.what_if import Otherwise, WhatIfAnswer, what_if
from parkstream_cli.settings import Settings

app = cyclopts.App(
    name="replay",
    help="Ask the log what was, and what would have been. "
    "It only reads the log: projections, summaries and traces stay as they are.",
)


@app.default
def replay(  # noqa: PLR0913 - options by name
    *,
    to: Annotated[int | None, Parameter(help="What was known when this position was the last.")] = None,
    recorded_at: Annotated[str | None, Parameter(help="What was known at this time.")] = None,
    occurred_at: Annotated[str | None, Parameter(help="What was true at this time, by all that we know today.")] = None,
    plate: Annotated[str | None, Parameter(help="Show this plate's visits too.")] = None,
    inside: Annotated[bool, Parameter(help="Show the cars that were inside too.", negative="")] = False,
    sets: Annotated[
        tuple[str, ...],
        Parameter(
            "--set", help=f"What if this rule (NAME=VALUE) had been another: {', '.join(NAMES)}.", show_default=False
        ),
    ] = (),
    start: Annotated[int | None, Parameter("--from", help="From where on the rules are others (with --set).")] = None,
    json: Annotated[bool, Parameter(help="Print one JSON object instead.", negative="")] = False,
) -> int:
    """Answer one question: --to, --recorded-at or --occurred-at for another time, --set for other rules."""
    if sets:
        refuse_with("--set", {"--recorded-at": recorded_at, "--occurred-at": occurred_at, "--plate": plate})
        return tell_what_if(Otherwise(changes=changes_of(sets), start=start, to=to), json=json)
    refuse_with("no --set", {"--from": start})
    return tell_as_of(asked(to, recorded_at, occurred_at, plate, inside=inside), json=json)


def refuse_with(option: str, others: dict[str, object]) -> None:
    """Raise ``ToolError`` when one of *others* was given beside *option*."""
    for name, value in others.items():
        if value is not None:
            problem = f"{name} asks nothing with {option}: leave one of them out"
            raise ToolError(problem, exit_code=MISUSED)


def asked(to: int | None, recorded_at: str | None, occurred_at: str | None, plate: str | None, *, inside: bool) -> AsOf:
    """Return the question; raise ``ToolError`` unless it is exactly one, with a time and a plate that can be read."""
    if sum(when is not None for when in (to, recorded_at, occurred_at)) != 1:
        problem = "give one of --to, --recorded-at, --occurred-at and --set"
        raise ToolError(problem, exit_code=MISUSED)
    return AsOf(
        to=to,
        recorded_at=None if recorded_at is None else moment("--recorded-at", recorded_at),
        occurred_at=None if occurred_at is None else moment("--occurred-at", occurred_at),
        plate=None if plate is None else _plate(plate),
        inside=inside,
    )


def tell_as_of(question: AsOf, *, json: bool) -> int:
    """Print the answer to *question*, and return the exit code."""

    async def answer() -> Answer:
        async with opened(settings_or_exit(Settings, os.environ)) as it:
            return await as_of(it, question)

    found = asyncio.run(answer())
    if json:
        _print(found)
    else:
        show_as_of(found, Console())
    return 0


def tell_what_if(question: Otherwise, *, json: bool) -> int:
    """Print the answer to *question*, and return the exit code."""

    async def answer() -> WhatIfAnswer:
        async with opened(settings_or_exit(Settings, os.environ)) as it:
            return await what_if(it, question)

    found = asyncio.run(answer())
    if json:
        _print(found)
    else:
        show_what_if(found, Console())
    return 0


def _plate(text: str) -> str:
    try:
        return normalised_plate(text)
    except ValueError as error:
        problem = f"--plate {text}: {error}"
        raise ToolError(problem, exit_code=MISUSED) from error


def _print(answer: Answer | WhatIfAnswer) -> None:
    sys.stdout.write(msgspec.json.encode(answer).decode() + "\n")
