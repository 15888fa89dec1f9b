"""The ``parkstream`` command: which commands there are, and what becomes of errors."""

import io
import logging
import signal
import sys
from types import FrameType

import cyclopts

from parkstream_cli.backup import backup, restore
from parkstream_cli.config import config
from parkstream_cli.demo import demo
from parkstream_cli.doctor.command import doctor
from parkstream_cli.errors import EXPECTED, exit_code_of
from parkstream_cli.functions import app as functions
from parkstream_cli.help_texts import DEAD_LETTERS_HELP, REPUBLISH_HELP
from parkstream_cli.log import commands as log
from parkstream_cli.outbox import app as outbox
from parkstream_cli.output import error as report
from parkstream_cli.replay import commands as replay
from parkstream_cli.trace import trace
from parkstream_cli.visit import visit

app = cyclopts.App(
    name="parkstream", help="Turn sightings of cars into visits, and lose none: run it, look at it, mend it."
)
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
# By name, because these import FastStream: see help_texts.
app.command("parkstream_cli.dead_letters:app", name="dead-letters", help=DEAD_LETTERS_HELP)
app.command("parkstream_cli.republish:app", name="republish", help=REPUBLISH_HELP)


def main() -> None:
    """Run the command that ``sys.argv`` names; a SIGTERM cleans up as Ctrl-C does."""
    signal.signal(signal.SIGTERM, _leave)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # A terminal of another encoding shows what it can.
    logging.getLogger("aiormq").setLevel(logging.CRITICAL)  # What it logs is raised too, and reported once.
    try:
        app(sys.argv[1:])
    except EXPECTED as error:
        report(error)
        sys.exit(exit_code_of(error))


def _leave(number: int, _frame: FrameType | None) -> None:
    raise SystemExit(128 + number)
