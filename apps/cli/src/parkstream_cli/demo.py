"""``parkstream demo``: progress while it runs, then one car's trace, the account and the first summaries."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter, validators
from parkstream_devtools import MissingServerError, StartError
from parkstream_devtools.pipeline.data_folder import NAME, DataFolderError
from parkstream_devtools.pipeline.kept_place import PlaceError
from parkstream_devtools.pipeline.observer import guard, until_interrupted
from parkstream_devtools.pipeline.run import Result, run
from parkstream_devtools.pipeline.services import DiedError
from parkstream_devtools.pipeline.settings import Options
from parkstream_service.unreachable import UnreachableError
from parkstream_telemetry.kept_traces.examples import Examples
from rich.table import Table

from parkstream_cli.console import BAD, GOOD, PlainConsole, words
from parkstream_cli.discovery import called_as
from parkstream_cli.errors import ToolError
from parkstream_cli.live_figures import progress_on, spread
from parkstream_cli.output import AsJson, as_json
from parkstream_cli.trace import about, draw

Positive = Annotated[float, Parameter(validator=validators.Number(gt=0))]
Faults = Annotated[
    tuple[str, ...],
    Parameter(help="What goes wrong at a gate: south:delay=5, east:creep=10/20, …; may be given several times."),
]
NOT_STARTED = (DataFolderError, DiedError, MissingServerError, PlaceError, StartError, UnreachableError)


def demo(  # noqa: PLR0913 - one option each
    *,
    seconds: Annotated[Positive, Parameter(help="How long cars arrive.")] = 60.0,
    rate: Annotated[Positive, Parameter(help="Cars per second that enter.")] = 50.0,
    seed: Annotated[int, Parameter(help="The same seed gives the same cars.")] = 1,
    keep: Annotated[Path | None, Parameter(help="An empty folder for logs, summaries and spans, to keep.")] = None,
    fault: Faults = (),
    stay: Annotated[
        bool, Parameter(help="Then stay until Ctrl-C: other commands in this folder look at its cars.", negative="")
    ] = False,
    json: AsJson = False,
) -> int:
    """Run the whole pipeline on this machine, then check that nothing was lost.

    Counts what was published, recorded and written, and fails (exit 1) if the numbers differ.
    """
    console = PlainConsole(stderr=json)
    stay_in = Path(NAME).absolute() if stay else None
    try:
        options = Options(seconds=seconds, rate=rate, seed=seed, keep=keep, faults=fault, stay_in=stay_in)
    except ValueError as error:
        raise ToolError(str(error)) from error
    try:
        with run(options, console.say, progress_on(console)) as result:
            if json:
                as_json(result.account)
            else:
                print_result(result, console)
            if stay:
                stay_with(result, console)
    except NOT_STARTED as error:
        raise ToolError(str(error)) from error
    return 0 if result.balanced else 1


def stay_with(result: Result, console: PlainConsole) -> None:
    """Say what to try, and return at Ctrl-C."""
    assert result.system is not None
    console.say("no more cars come; everything else runs until Ctrl-C")
    for text in what_to_try(result.plate or "PLATE"):
        console.say(text)
    until_interrupted(guard(result.system), console.say)


def what_to_try(plate: str) -> list[str]:
    """Return commands that find what runs in this folder; *plate* is that of a car."""
    us = called_as()
    return [
        "in another terminal, in this folder:",
        f"  {us} visit {plate}",
        f"  {us} trace {plate}",
        f"  {us} log tail",
        f"  {us} replay --check",
        f"  {us} doctor",
    ]


def print_result(result: Result, console: PlainConsole) -> None:
    """Print the account of *result*, the path of the summary file and its first lines."""
    if result.cars is not None:
        draw_examples(result.cars, console)
    table = Table(title="Account", title_justify="left", show_header=False)
    for line in result.equations:
        verdict = words(("balances", GOOD) if line.holds else ("DOES NOT", f"bold {BAD}"))
        table.add_row(line.says, f"{line.left:,}", "=" if line.holds else "≠", f"{line.right:,}", verdict)
    console.print(table)
    account = result.account
    ending = [
        f"matched share   {account.matched_share:.2%} of {account.exits_published:,} exits",
        f"exit to disk    p50/p95/p99 {spread(account.exit_to_disk_ms)}",
        f"  when pending  p50/p95/p99 {spread(account.pending_exit_to_disk_ms)} (while cars came)",
        *([f"any other car   {called_as()} trace PLATE"] if result.cars is not None else []),
        f"summary file    {account.summary_file}",
        *result.first_lines,
    ]
    for text in ending:
        console.say(text)


def draw_examples(cars: Examples, console: PlainConsole) -> None:
    """Draw where the time of two cars went."""
    draw(cars.typical, f"One car: {about(cars.typical)}", console)
    draw(cars.slowest, f"The slowest: {about(cars.slowest)}", console)
