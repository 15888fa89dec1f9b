"""The questions of ``parkstream replay``: another time, other rules."""

import asyncio
import sys
import time
from datetime import datetime

import msgspec
from parkstream_events.sightings import moment_of
from rich.console import Console

from parkstream_cli.connections import opened, settings_here
from parkstream_cli.errors import MISUSED, ToolError
from parkstream_cli.plates import plate_of
from parkstream_cli.replay.answer_tables import show_as_of, show_what_if
from parkstream_cli.replay.as_of import Answer, AsOf, as_of
from parkstream_cli.replay.what_if import Otherwise, WhatIfAnswer, what_if
from parkstream_cli.times import moment_us


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
        recorded_at=None if recorded_at is None else _moment(recorded_at),
        occurred_at=None if occurred_at is None else _moment(occurred_at),
        plate=None if plate is None else plate_of(plate),
        inside=inside,
    )


def tell_as_of(question: AsOf, *, json: bool) -> int:
    """Print the answer to *question*, and return the exit code."""

    async def answer() -> Answer:
        async with opened(settings_here()) as it:
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
        async with opened(settings_here()) as it:
            return await what_if(it, question)

    found = asyncio.run(answer())
    if json:
        _print(found)
    else:
        show_what_if(found, Console())
    return 0


def _moment(text: str) -> datetime:
    return moment_of(moment_us(text, time.time_ns() // 1_000))


def _print(answer: Answer | WhatIfAnswer) -> None:
    sys.stdout.write(msgspec.json.encode(answer).decode() + "\n")
