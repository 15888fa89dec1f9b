"""The functions in Redis that write projections, the outbox and the versions, and the libraries made of them."""

from typing import Final

from parkstream_eventlog.functions import RECORD
from parkstream_service.redis import Library, source_of

PACKAGE: Final = "parkstream_projection"
PROJECTING: Final = Library(
    "parkstream_projection",
    13,
    (RECORD, *(source_of(PACKAGE, f"lua/{name}.lua") for name in ("live", "outbox", "projection"))),
)
SWITCHING: Final = Library(
    "parkstream_versions", 7, (RECORD, *(source_of(PACKAGE, f"lua/{name}.lua") for name in ("live", "versions")))
)
