"""The commands: what each takes, and the exit code that it leaves."""

import os
import signal
import sys
from types import FrameType
from typing import Annotated, Final

import cyclopts
import msgspec
from cyclopts import Parameter
from rich.console import Console

from parkstream_cli import config as configuring

WRONG_ENVIRONMENT: Final = 2

app = cyclopts.App(name="parkstream", help="From mall cameras to visits, and nothing lost on the way.")


AsJson = Annotated[bool, Parameter(help="Print one JSON object instead.", negative="")]


@app.command
def config(
    *,
    json: AsJson = False,
    markdown: Annotated[bool, Parameter(help="Print the page docs/configuration.md instead.", negative="")] = False,
) -> int:
    """Show every variable of every service: type, default, unit, meaning, current value; exit 2 when one is wrong."""
    found = configuring.configuration({} if markdown else os.environ)
    if json:
        sys.stdout.write(msgspec.json.encode(found).decode() + "\n")
    elif markdown:
        sys.stdout.write(configuring.as_markdown(found))
    else:
        configuring.show(found, Console())
    for error in found.errors:
        sys.stderr.write(f"error: {error}\n")
    return WRONG_ENVIRONMENT if found.errors else 0


def main() -> None:
    """Run the command that ``sys.argv`` names; a SIGTERM cleans up as Ctrl-C does."""
    signal.signal(signal.SIGTERM, _leave)
    app()


def _leave(number: int, _frame: FrameType | None) -> None:
    raise SystemExit(128 + number)
