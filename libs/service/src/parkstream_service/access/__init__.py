"""Who may ask a service what: by which name it is called, from which page, with which credential.

Reading order: hosts, file_value, entries, callers. No framework is needed: every server that listens can use it.
"""

from typing import Final

from msgspec import Struct

from parkstream_service.access.callers import HASHED, Caller, Callers, Role
from parkstream_service.access.entries import CredentialsError
from parkstream_service.access.file_value import FileValue
from parkstream_service.access.hosts import LOOPBACK, Arrival, Objection, checked_hosts, is_loopback, objection

__all__ = [
    "HASHED",
    "LOOPBACK",
    "OPEN",
    "Access",
    "Arrival",
    "Caller",
    "Callers",
    "CredentialsError",
    "FileValue",
    "Objection",
    "Role",
    "checked_hosts",
    "is_loopback",
    "objection",
]

OPEN: Final = (
    "there is no credential, so whoever is on this machine may do everything here; "
    "set PARKSTREAM_CREDENTIALS_FILE or PARKSTREAM_API_TOKEN"
)


class Access(Struct, frozen=True):
    """Who may ask a service: by one of the names *hosts*, one of *callers*, or everybody when it knows none."""

    hosts: frozenset[str] = frozenset(LOOPBACK)
    callers: Callers | None = None

    @property
    def problem(self) -> str:
        """Why it is not as it should be; "" when it is."""
        return OPEN if self.callers is None else self.callers.problem
