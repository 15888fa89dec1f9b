"""Who may ask: whoever bears a credential that has the role of what is asked; everybody when there is none."""

from collections.abc import Callable
from typing import Any, Final, TypeAlias

from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler

from parkstream_service.access import Callers, Role
from parkstream_service.http.problems import RefusedError
from parkstream_service.refusals import Refusal

Connection: TypeAlias = ASGIConnection[Any, Any, Any, Any]
Guard: TypeAlias = Callable[[Connection, BaseRouteHandler], None]
ADVICE: Final = "send the header 'Authorization: Bearer <PARKSTREAM_API_TOKEN>'"
CHALLENGE: Final = {"WWW-Authenticate": 'Bearer realm="parkstream"'}
_ROLE: Final = "role"


def needs(role: Role) -> dict[str, Role]:
    """Return the ``opt`` of a route that *role* opens; behind a guard a route without one is closed."""
    return {_ROLE: role}


def bearer_guards(callers: Callers | None) -> list[Guard]:
    """Return what lets *callers* do what their roles allow; nothing when there is no credential."""
    if callers is None:
        return []

    def guard(connection: Connection, handler: BaseRouteHandler) -> None:
        shown = connection.headers.getall("authorization", [])
        caller = callers.who(_borne(shown[0])) if len(shown) == 1 else None
        if caller is None:
            raise RefusedError(Refusal.WRONG_CREDENTIAL if shown else Refusal.NO_CREDENTIAL, ADVICE, CHALLENGE)
        role = handler.opt.get(_ROLE)
        if role not in caller.roles:
            raise RefusedError(Refusal.ROLE, f"{caller.name} has not the role {role or 'that this asks for'}")

    return [guard]


def _borne(shown: str) -> str:
    """Return the secret in the header *shown*, as the bytes that were sent have it; "" for another scheme."""
    scheme, _, borne = shown.encode("latin-1").partition(b" ")
    return borne.strip().decode(errors="surrogateescape") if scheme.lower() == b"bearer" else ""
