"""Errors that a user can meet: printed in one line that says what to do, never as a traceback."""

from typing import Final

from parkstream_eventlog import EventLogError
from parkstream_operations.cells.cells_file import CellsError
from parkstream_projection import NoEarlierVersionError, ProjectionError
from parkstream_projection.opened import NotFoundError
from parkstream_service.redis import LibraryMissingError
from parkstream_service.unreachable import UnreachableError

FAILED: Final = 1
"""Something is wrong with what was looked at, or it could not be done."""
MISUSED: Final = 2
"""The command line or the environment is wrong."""


class ToolError(Exception):
    """A command cannot do what it was asked for; the text says why, and what to do."""

    def __init__(self, problem: str, *, exit_code: int = FAILED) -> None:
        super().__init__(problem)
        self.exit_code = exit_code


EXPECTED: Final = (
    ToolError,
    UnreachableError,
    EventLogError,
    ProjectionError,
    NotFoundError,
    LibraryMissingError,
    CellsError,
)


def exit_code_of(error: BaseException) -> int:
    """Return the exit code that *error* leaves."""
    if isinstance(error, ToolError):
        return error.exit_code
    return MISUSED if isinstance(error, NoEarlierVersionError | CellsError) else FAILED
