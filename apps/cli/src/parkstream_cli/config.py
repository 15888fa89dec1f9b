"""``parkstream config``: every variable of every installed service, asked from the services themselves."""

import subprocess
import sys
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import Annotated, Final

import msgspec
from cyclopts import Parameter
from msgspec import Struct
from parkstream_devtools.pipeline.data_folder import NAME
from parkstream_service.settings import Variable

from parkstream_cli.discovery import environ_here, found_here
from parkstream_cli.errors import MISUSED, ToolError
from parkstream_cli.output import AsJson, as_json, line, note, paragraph
from parkstream_cli.output import error as report

SERVICES: Final = (
    "parkstream_entry_generator",
    "parkstream_exit_generator",
    "parkstream_backend",
    "parkstream_summary_api",
    "parkstream_console",
)
"""In the order in which a car meets them."""
ANSWER_SECONDS: Final = 60.0
NO_SERVICE: Final = (
    "no service is installed beside this command line, so it cannot ask any. In containers each service shows the "
    "variables that it was given: docker compose -f deploy/compose/compose.yaml exec backend app config "
    "(entry-generator, exit-generator and summary-api likewise)"
)


class Answer(Struct, frozen=True):
    """What one service reports about its environment."""

    variables: list[Variable]
    errors: list[str]


class Configuration(Struct, frozen=True):
    """All answers, by service, and all errors with the services that they concern."""

    services: dict[str, list[Variable]]
    errors: list[str]


def config(
    *,
    json: AsJson = False,
    markdown: Annotated[bool, Parameter(help="Print the page docs/configuration.md instead.", negative="")] = False,
) -> int:
    """Show every environment variable of every service: value, meaning, type, unit. Exits with 2 if one is wrong."""
    found = configuration({} if markdown else environ_here())
    if not markdown and (here := found_here()):
        note(f"what runs in this folder ({NAME}) says: {', '.join(sorted(here))}")
    if not found.services:
        raise ToolError(NO_SERVICE)
    if json:
        as_json(found)
    elif markdown:
        sys.stdout.write(as_markdown(found))
    else:
        show(found)
    for error in found.errors:
        report(error)
    return MISUSED if found.errors else 0


def configuration(environ: Mapping[str, str]) -> Configuration:
    """Ask every installed service, all at once, what it would make of *environ*."""
    modules = [module for module in SERVICES if find_spec(module) is not None]
    asked = [(module.replace("_", "-"), _ask(module, environ)) for module in modules]
    answers = {service: _answer(process) for service, process in asked}
    return Configuration(
        services={service: answer.variables for service, answer in answers.items()},
        errors=_with_services({service: answer.errors for service, answer in answers.items()}),
    )


def _ask(module: str, environ: Mapping[str, str]) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", module, "config", "--json"]
    return subprocess.Popen(  # Our own modules, by our own interpreter.
        command, env=dict(environ), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def _answer(process: "subprocess.Popen[bytes]") -> Answer:
    try:
        answer, complaint = process.communicate(timeout=ANSWER_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        return Answer([], [f"gave no answer within {ANSWER_SECONDS:.0f} s"])
    try:
        return msgspec.json.decode(answer, type=Answer)
    except msgspec.DecodeError:
        last = complaint.decode(errors="replace").strip().rpartition("\n")[2]
        return Answer([], [f"gave no answer: {last or f'exit code {process.returncode}'}"])


def _with_services(errors: Mapping[str, Sequence[str]]) -> list[str]:
    services: dict[str, list[str]] = {}
    for service, some in errors.items():
        for error in some:
            services.setdefault(error, []).append(service)
    return [f"{error} ({', '.join(names)})" for error, names in services.items()]


def show(found: Configuration) -> None:
    """Print one block per variable: its name and value, and below what it takes and is for."""
    for service, variables in found.services.items():
        line(service)
        line()
        for variable in variables:
            unit = f", {variable.unit}" if variable.unit else ""
            line(f"  {variable.name}={variable.value or ''}")
            paragraph(f"{variable.meaning} Takes {variable.type}{unit}.", indent="      ")
        line()


def as_markdown(found: Configuration) -> str:
    """Return the page ``docs/configuration.md``."""
    parts = [_HEAD]
    for service, variables in found.services.items():
        rows = "\n".join(map(_row, variables))
        parts.append(f"## {service}\n\n| variable | type | default | unit | meaning |\n|---|---|---|---|---|\n{rows}\n")
    return "\n".join(parts)


def _row(variable: Variable) -> str:
    default = f"`{variable.default}`" if variable.default else ("required" if variable.default is None else "")
    cells = [f"`{variable.name}`", variable.type, default, variable.unit or "", variable.meaning]
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


_HEAD: Final = """\
# Configuration

Generated by `parkstream config --markdown`; a test keeps it current. Every service reads its own variables at start,
says everything that is wrong with them at once, and exits with 2. `parkstream config` shows the values in force
(secrets masked) and checks those of all services together. An empty variable counts as one that is not set. For every
variable `NAME`, `NAME_FILE` may name a file that holds the value: so containers are given secrets.
"""
