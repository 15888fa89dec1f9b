"""The ``parkstream`` command: which commands there are, and what becomes of errors."""

import io
import logging
import signal
import sys
from types import FrameType
from typing import Annotated, Any

import cyclopts
from cyclopts import Parameter
from parkstream_service.settings.loader import fields_of
from parkstream_service.unreachable import UnreachableError

from parkstream_cli.discovery import hint_here, mean_mall
from parkstream_cli.errors import EXPECTED, MISUSED, ToolError, exit_code_of
from parkstream_cli.output import error as report
from parkstream_cli.output import note, without_passwords
from parkstream_cli.settings import Settings

COMMANDS = {
    "up": "up:up",
    "demo": "demo:demo",
    "config": "config:config",
    "doctor": "doctor.command:doctor",
    "trace": "trace:trace",
    "log": "log.commands:app",
    "visit": "visit:visit",
    "replay": "replay.commands:app",
    "backup": "backup:backup",
    "restore": "backup:restore",
    "outbox": "outbox:app",
    "functions": "functions:app",
    "cells": "cells.commands:app",
    "dead-letters": "dead_letters:app",
    "republish": "republish:app",
}
"""Where each is: only the one that is called is imported, since all of them take a second."""

app = cyclopts.App(
    name="parkstream",
    help="Turn sightings of cars into visits, and lose none: run it, look at it, mend it.",
    error_formatter=lambda error: cyclopts.CycloptsPanel(without_passwords(str(error))),
)
for _name, _where in COMMANDS.items():
    app.command(f"parkstream_cli.{_where}", name=_name)

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
    if COMMANDS.keys().isdisjoint(sys.argv[1:]):
        for name in COMMANDS:
            app[name]  # Imports it: the list of commands says what each does.
    try:
        app.meta(sys.argv[1:])
    except EXPECTED as error:
        report(error)
        if isinstance(error, UnreachableError) and (hint := hint_here()):
            note(hint)
        sys.exit(exit_code_of(error))


def _leave(number: int, _frame: FrameType | None) -> None:
    raise SystemExit(128 + number)
