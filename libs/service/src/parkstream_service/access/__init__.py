"""Who may ask a service what: by which name it is called, from which page, with which credential.

Reading order: hosts, file_value, callers. No framework is needed: every server that listens can use it.
"""

from msgspec import Struct

from parkstream_service.access.callers import HASHED, Caller, Callers, CredentialsError, Role
from parkstream_service.access.file_value import FileValue
from parkstream_service.access.hosts import LOOPBACK, Arrival, checked_hosts, is_loopback, objection

__all__ = [
    "HASHED",
    "LOOPBACK",
    "Access",
    "Arrival",
    "Caller",
    "Callers",
    "CredentialsError",
    "FileValue",
    "Role",
    "checked_hosts",
    "is_loopback",
    "objection",
]


class Access(Struct, frozen=True):
    """Who may ask a service: by one of the names *hosts*, one of *callers*, or everybody when it knows none."""

    hosts: frozenset[str] = frozenset(LOOPBACK)
    callers: Callers | None = None
