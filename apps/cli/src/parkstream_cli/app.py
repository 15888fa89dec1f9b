"""The ``parkstream`` command: which commands there are, and what becomes of errors."""

import io
import logging
import signal
import sys
from types import FrameType
from typing import Annotated, Any

import cyclopts
from cyclopts import Parameter
from parkstream_devtools.probes import UnreachableError
from parkstream_service.settings.loader import fields_of

from parkstream_cli.backup import backup, restore
from parkstream_cli.cells.commands import app as cells
from parkstream_cli.config import config
from parkstream_cli.demo import demo
from parkstream_cli.discovery import hint_here, mean_mall
from parkstream_cli.doctor.command import doctor
from parkstream_cli.errors import EXPECTED, MISUSED, ToolError, exit_code_of
from parkstream_cli.functions import app as functions
from parkstream_cli.help_texts import DEAD_LETTERS_HELP, REPUBLISH_HELP
from parkstream_cli.log import commands as log
from parkstream_cli.outbox import app as outbox
from parkstream_cli.output import error as report
from parkstream_cli.output import note, without_passwords
from parkstream_cli.replay import commands as replay
from parkstream_cli.settings import Settings
from parkstream_cli.trace import trace
from parkstream_cli.up import up
from parkstream_cli.visit import visit

app = cyclopts.App(
    name="parkstream",
    help="Turn sightings of cars into visits, and lose none: run it, look at it, mend it.",
    error_formatter=lambda error: cyclopts.CycloptsPanel(without_passwords(str(error))),
)
app.command(up)
app.command(demo)
app.command(config)
app.command(doctor)
app.command(trace)
app.command(log.app)
app.command(visit)
app.command(replay.app)
app.command(backup)
app.command(restore)
app.command(outbox)
app.command(functions)
app.command(cells)
# By name, because these import FastStream: see help_texts.
app.command("parkstream_cli.dead_letters:app", name="dead-letters", help=DEAD_LETTERS_HELP)
app.command("parkstream_cli.republish:app", name="republish", help=REPUBLISH_HELP)


OF_NO_MALL = {"up": "up starts a mall of its own", "demo": "demo starts a mall of its own", "cells": "name it last"}


@app.meta.default
def of_mall(
    *words: Annotated[str, Parameter(show=False, allow_leading_hyphen=True)],
    mall: Annotated[str | None, Parameter(help="Of the malls in PARKSTREAM_CELLS (cells.toml) this one.")] = None,
) -> Any:  # noqa: ANN401 - whatever the command returns
    """Run the command that *words* are, with the endpoints of *mall*."""
    if mall is not None:
        if words and (why := OF_NO_MALL.get(words[0])):
            message = f"leave --mall out: {why}"
            raise ToolError(message, exit_code=MISUSED)
        mean_mall(mall, [field.name for field in fields_of(Settings)])
    return app(words)


def main() -> None:
    """Run the command that ``sys.argv`` names; a SIGTERM cleans up as Ctrl-C does."""
    signal.signal(signal.SIGTERM, _leave)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # A terminal of another encoding shows what it can.
    logging.getLogger("aiormq").setLevel(logging.CRITICAL)  # What it logs is raised too, and reported once.
    try:
        app.meta(sys.argv[1:])
    except EXPECTED as error:
        report(error)
        if isinstance(error, UnreachableError) and (hint := hint_here()):
            note(hint)
        sys.exit(exit_code_of(error))


def _leave(number: int, _frame: FrameType | None) -> None:
    raise SystemExit(128 + number)
