"""What every service answers to ``python -m parkstream_<app> config``, and says when it cannot start."""

import sys
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from parkstream_service.plain_text import plain, plain_json
from parkstream_service.settings.description import Variable, describe
from parkstream_service.settings.loader import SettingsError, SettingsT, load

WRONG: Final = 2
"""The exit code of a process whose environment is wrong."""


def answer_config(type_: type[SettingsT], argv: Sequence[str], environ: Mapping[str, str]) -> bool:
    """Print the variables of *type_* when *argv* asks for ``config [--json]``, and return whether it did.

    Raises ``SystemExit(2)`` after printing when a value is wrong.
    """
    if not argv or argv[0] != "config":
        return False
    variables, errors = describe(type_, environ), _errors(type_, environ)
    if "--json" in argv:
        sys.stdout.write(plain_json(msgspec.json.encode({"variables": variables, "errors": errors}).decode()) + "\n")
    else:
        sys.stdout.write("\n".join(map(_line, variables)) + "\n")
        _complain(errors)
    if errors:
        raise SystemExit(WRONG)
    return True


def settings_or_exit(type_: type[SettingsT], environ: Mapping[str, str]) -> SettingsT:
    """Return *type_* filled from *environ*, or print all that is wrong and exit with 2."""
    try:
        return load(type_, environ)
    except SettingsError as error:
        _complain(error.errors)
        raise SystemExit(WRONG) from error


def _errors(type_: type[SettingsT], environ: Mapping[str, str]) -> list[str]:
    try:
        load(type_, environ)
    except SettingsError as error:
        return error.errors
    return []


def _complain(errors: list[str]) -> None:
    for error in errors:
        sys.stderr.write(f"error: {plain(error)}\n")


def _line(variable: Variable) -> str:
    unit = f", {variable.unit}" if variable.unit else ""
    return f"{variable.name}={plain(variable.value or '')}  # {variable.meaning} ({variable.type}{unit})"
