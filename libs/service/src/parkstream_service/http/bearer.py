"""Who may ask: whoever bears a credential that has the role of what is asked; everybody when there is none."""

from collections.abc import Callable
from typing import Any, Final, TypeAlias

from litestar.connection import ASGIConnection
from litestar.exceptions import NotAuthorizedException, PermissionDeniedException
from litestar.handlers import BaseRouteHandler

from parkstream_service.access import Callers, Role

Connection: TypeAlias = ASGIConnection[Any, Any, Any, Any]
Guard: TypeAlias = Callable[[Connection, BaseRouteHandler], None]
ADVICE: Final = "send the header 'Authorization: Bearer <PARKSTREAM_API_TOKEN>'"
_ROLE: Final = "role"


def needs(role: Role) -> dict[str, Role]:
    """Return the ``opt`` of a route that *role* opens; behind a guard a route without one is closed."""
    return {_ROLE: role}


def bearer_guards(callers: Callers | None) -> list[Guard]:
    """Return what lets *callers* do what their roles allow; nothing when there is no credential."""
    if callers is None:
        return []

    def guard(connection: Connection, handler: BaseRouteHandler) -> None:
        scheme, _, borne = connection.headers.get("authorization", "").partition(" ")
        caller = callers.who(borne.strip()) if scheme.lower() == "bearer" else None
        if caller is None:
            raise NotAuthorizedException(detail=ADVICE, headers={"WWW-Authenticate": 'Bearer realm="parkstream"'})
        role = handler.opt.get(_ROLE)
        if role not in caller.roles:
            raise PermissionDeniedException(detail=f"{caller.name} has not the role {role or 'that this asks for'}")

    return [guard]
