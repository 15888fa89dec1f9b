"""The commands: what each takes, and the exit code that it leaves."""

import asyncio
import logging
import os
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Annotated, Final

import cyclopts
import msgspec
from cyclopts import Parameter, validators
from parkstream_devtools import MissingServerError, StartError
from parkstream_service.settings import settings_or_exit
from parkstream_telemetry.kept_spans import NotSpansError
from rich.console import Console

from parkstream_cli import config as configuring
from parkstream_cli.dead_letters import HELP as DEAD_LETTERS_HELP
from parkstream_cli.demo.plan import Options
from parkstream_cli.demo.report import tell
from parkstream_cli.demo.run import NotEmptyError, run
from parkstream_cli.demo.services import DiedError
from parkstream_cli.demo_folder import SPANS_FILE, usual_place
from parkstream_cli.doctor import examination, signoz_stack
from parkstream_cli.doctor.findings import Level
from parkstream_cli.errors import EXPECTED, ToolError, exit_code_of
from parkstream_cli.log import commands as log
from parkstream_cli.outbox import commands as outbox
from parkstream_cli.probes import UnreachableError
from parkstream_cli.replay import commands as replay
from parkstream_cli.republish import HELP as REPUBLISH_HELP
from parkstream_cli.settings import Settings
from parkstream_cli.traces import questions
from parkstream_cli.traces.questions import NoSpansError, NoTraceError, Sources
from parkstream_cli.visits.commands import visit

WRONG_ENVIRONMENT: Final = 2

app = cyclopts.App(name="parkstream", help="From mall cameras to visits, and nothing lost on the way.")
app.command(log.app)
app.command(visit)
app.command(replay.app)
app.command(outbox.app)
# By name, because these import FastStream, which would cost every command 0.2 s.
app.command("parkstream_cli.dead_letters.commands:app", name="dead-letters", help=DEAD_LETTERS_HELP)
app.command("parkstream_cli.republish.commands:app", name="republish", help=REPUBLISH_HELP)


Positive = Annotated[float, Parameter(validator=validators.Number(gt=0))]
AsJson = Annotated[bool, Parameter(help="Print one JSON object instead.", negative="")]


@app.command
def demo(
    *,
    seconds: Annotated[Positive, Parameter(help="How long the cameras see cars.")] = 60.0,
    rate: Annotated[Positive, Parameter(help="Cars that enter per second.")] = 50.0,
    seed: Annotated[int, Parameter(help="The same seed gives the same cars.")] = 1,
    keep: Annotated[Path | None, Parameter(help="A folder for everything; it stays.")] = None,
    json: AsJson = False,
) -> int:
    """Run everything on this machine for a while, then draw the account; exit 1 when it does not balance."""
    progress = Console(stderr=json)
    try:
        result = run(Options(seconds=seconds, rate=rate, seed=seed, keep=keep), progress)
    except (DiedError, MissingServerError, NotEmptyError, StartError, UnreachableError) as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    if json:
        sys.stdout.write(msgspec.json.encode(result.account).decode() + "\n")
    else:
        tell(result, progress)
    return 0 if result.balanced else 1


@app.command
def config(
    *,
    json: AsJson = False,
    markdown: Annotated[bool, Parameter(help="Print the page docs/configuration.md instead.", negative="")] = False,
) -> int:
    """Show every variable of every service: type, default, unit, meaning, current value; exit 2 when one is wrong."""
    found = configuring.configuration({} if markdown else os.environ)
    if not found.services:
        raise ToolError(configuring.NO_SERVICE)
    if json:
        sys.stdout.write(msgspec.json.encode(found).decode() + "\n")
    elif markdown:
        sys.stdout.write(configuring.as_markdown(found))
    else:
        configuring.show(found, Console())
    for error in found.errors:
        sys.stderr.write(f"error: {error}\n")
    return WRONG_ENVIRONMENT if found.errors else 0


@app.command
def doctor(
    *,
    json: AsJson = False,
    signoz: Annotated[bool, Parameter(help="Look at the steps in which SigNoz comes up instead.", negative="")] = False,
) -> int:
    """Look at what runs: RabbitMQ, Redis, the log, the services; say what to do; exit 1 when something is wrong."""
    examine = signoz_stack.examine if signoz else examination.examine
    findings = asyncio.run(examine(settings_or_exit(Settings, os.environ)))
    healthy = all(finding.level is not Level.WRONG for finding in findings)
    if json:
        sys.stdout.write(msgspec.json.encode({"ok": healthy, "findings": findings}).decode() + "\n")
    else:
        examination.show(findings, Console())
    return 0 if healthy else 1


@app.command
def trace(
    wanted: Annotated[str, Parameter(help="A visit's id, as in the summary file, a plate, or a trace's id.")],
    /,
    *,
    spans: Annotated[Path | None, Parameter(help="Where spans are kept; by default those of the last demo.")] = None,
    json: AsJson = False,
) -> int:
    """Draw where a car's time went, from the camera to the disk; exit 1 when no kept span tells of it."""
    settings = settings_or_exit(Settings, os.environ)
    sources = Sources(
        spans_file=spans or Path(settings.spans_file or usual_place() / SPANS_FILE),
        plate_hash_key=settings.plate_hash_key,
        backend_url=settings.backend_url,
        api_token=settings.api_token,
    )
    try:
        found = questions.ask(wanted, sources)
    except (NoSpansError, NoTraceError, NotSpansError, OSError) as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    if json:
        sys.stdout.write(msgspec.json.encode({"traces": questions.as_answers(found)}).decode() + "\n")
    else:
        questions.show(found, Console())
    return 0


def main() -> None:
    """Run the command that ``sys.argv`` names; a SIGTERM cleans up as Ctrl-C does."""
    signal.signal(signal.SIGTERM, _leave)
    logging.getLogger("aiormq").setLevel(logging.CRITICAL)  # What it logs is raised too, and told once.
    try:
        app()
    except EXPECTED as error:
        sys.stderr.write(f"error: {error}\n")
        sys.exit(exit_code_of(error))


def _leave(number: int, _frame: FrameType | None) -> None:
    raise SystemExit(128 + number)
