"""Finds what ``up`` or ``demo --stay`` runs in the current folder, so that commands need no variables.

A mall that is named on the command line is taken from the file of cells instead.
"""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from parkstream_devtools.pipeline.data_folder import NAME, NothingRunsError, run_in
from parkstream_operations.cells.cells_file import path_here, read_cells
from parkstream_service.settings.sources import FILE_SUFFIX

SYSTEM: Final = ("PARKSTREAM_RABBITMQ_URL", "PARKSTREAM_REDIS_URL")
"""Who sets one of these means another system, with all that belongs to it."""


def environ_here() -> dict[str, str]:
    """Return the environment, and what it leaves open as what runs in the current folder says."""
    return {**os.environ, **found_here()}


def mean_mall(mall: str, variables: Iterable[str]) -> None:
    """Let the environment of this process be that of *mall* in the file of cells; raise ``CellsError``.

    None of *variables* stays as it was: half of it would be another mall's.
    """
    found = read_cells(path_here()).environ(mall)
    for name in variables:
        os.environ.pop(name, None)
        os.environ.pop(name + FILE_SUFFIX, None)
    os.environ.update(found)


def found_here() -> dict[str, str]:
    """Return the variables of what runs in the current folder, without those that the environment has."""
    if _elsewhere():
        return {}
    try:
        run = run_in(_place())
    except NothingRunsError:
        return {}
    return {} if run is None else {name: value for name, value in run.environ.items() if not _is_set(name)}


def hint_here() -> str:
    """Return why nothing is found in the current folder, though something was started there; "" if there is no more."""
    if _elsewhere():
        return ""
    try:
        run_in(_place())
    except NothingRunsError as error:
        return f"`{called_as()} up` does not run here: {error}"
    return ""


def called_as() -> str:
    """Return how the user calls this command: in a clone it is ``./dev``, which says so."""
    return os.environ.get("CALLED_AS", "parkstream")


def _place() -> Path:
    return Path(NAME).absolute()


def _elsewhere() -> bool:
    return any(_is_set(name) for name in SYSTEM)


def _is_set(name: str) -> bool:
    return bool(os.environ.get(name) or os.environ.get(name + FILE_SUFFIX))
