"""The functions in Redis that write a log: a source that all of them begin with, and the libraries made of it."""

from typing import Final

from parkstream_service.redis import Library, source_of

PACKAGE: Final = "parkstream_eventlog"
RECORD: Final = source_of(PACKAGE, "lua/record.lua")
"""The shape of a record and every XADD to a log: first in each library that writes one."""
LOG: Final = Library(
    "parkstream_eventlog",
    9,
    (RECORD, *(source_of(PACKAGE, f"lua/{name}.lua") for name in ("append", "trim", "restore"))),
)
MOVE: Final = Library("parkstream_move", 1, (RECORD, source_of(PACKAGE, "lua/move.lua")))
IMPORT: Final = Library("parkstream_import", 6, (RECORD, source_of(PACKAGE, "lua/import.lua")))
