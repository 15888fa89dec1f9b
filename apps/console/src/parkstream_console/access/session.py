"""Who is asking: somebody who has logged in, or everybody when no credential is configured."""

import time
from typing import Any, Final, TypeAlias

from litestar.connection import ASGIConnection
from litestar.exceptions import NotAuthorizedException, PermissionDeniedException
from litestar.handlers import BaseRouteHandler
from msgspec import Struct
from parkstream_service.access import Callers, Role

from parkstream_console.access.people import People

Connection: TypeAlias = ASGIConnection[Any, Any, Any, Any]
ANYBODY: Final = "anybody"
ROLE: Final = "role"
SESSION_SECONDS: Final = 12 * 3_600
"""From the login on, however often somebody looks."""


class Viewer(Struct, frozen=True):
    """Who looks at a page."""

    name: str
    roles: frozenset[Role]
    fingerprint: str = ""

    @property
    def may_operate(self) -> bool:
        """Whether the viewer may put right what went wrong."""
        return Role.OPERATE in self.roles


class LoginRequiredError(Exception):
    """A page is for those who have logged in."""


class Access:
    """Who may log in, and who is logged in; *people* have passwords, *callers* tokens."""

    def __init__(self, people: People | None, callers: Callers | None) -> None:
        self._people = people
        self._callers = callers

    @property
    def open(self) -> bool:
        """Whether no credential is configured: whoever is on this machine may do everything."""
        return self._people is None and self._callers is None

    def log_in(self, name: str, password: str) -> Viewer | None:
        """Return who *name* is, if *password* is theirs: a password, or a caller's token. Slow, by intent."""
        if self._people is not None and (person := self._people.who(name, password)):
            return Viewer(person.name, person.roles, person.fingerprint)
        caller = self._callers.who(password) if self._callers is not None else None
        if caller is None or caller.name != name:
            return None
        return Viewer(caller.name, caller.roles, caller.digest.hex()[:16])

    def viewer(self, connection: Connection) -> Viewer | None:
        """Return who is asking, with the roles that they have now."""
        if self.open:
            return Viewer(ANYBODY, frozenset(Role))
        kept = connection.session if "session" in connection.scope else {}
        name, fingerprint, since = kept.get("name"), kept.get("fingerprint"), kept.get("since")
        if not isinstance(name, str) or not isinstance(since, int) or time.time() - since > SESSION_SECONDS:
            return None
        return next((one for one in self._all(name) if one.fingerprint == fingerprint), None)

    def _all(self, name: str) -> list[Viewer]:
        person = self._people.named(name) if self._people is not None else None
        found = [Viewer(person.name, person.roles, person.fingerprint)] if person else []
        callers = self._callers.named(name) if self._callers is not None else []
        return found + [Viewer(one.name, one.roles, one.digest.hex()[:16]) for one in callers]

    def guard(self, connection: Connection, handler: BaseRouteHandler) -> None:
        """Let only those in whose roles include that of a page (``opt``)."""
        viewer = self.viewer(connection)
        if viewer is None:
            if connection.scope["path"].startswith("/live/"):
                raise NotAuthorizedException(detail="log in again")
            raise LoginRequiredError
        role = handler.opt.get(ROLE)
        if role not in viewer.roles:
            raise PermissionDeniedException(detail=f"{viewer.name} has not the role {role or 'that this asks for'}")
        connection.state.viewer = viewer
