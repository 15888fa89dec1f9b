"""Who may ask: everybody, or whoever bears the token when one is configured."""

from collections.abc import Callable
from hmac import compare_digest
from typing import Any, Final, TypeAlias

from litestar.connection import ASGIConnection
from litestar.exceptions import NotAuthorizedException
from litestar.handlers import BaseRouteHandler

Connection: TypeAlias = ASGIConnection[Any, Any, Any, Any]
Guard: TypeAlias = Callable[[Connection, BaseRouteHandler], None]
ADVICE: Final = "send the header 'Authorization: Bearer <PARKSTREAM_API_TOKEN>'"


def bearer_guards(token: str | None) -> list[Guard]:
    """Return what keeps everybody out who does not bear *token*; nothing when there is none."""
    if not token:
        return []
    expected = token.encode()

    def guard(connection: Connection, _handler: BaseRouteHandler) -> None:
        scheme, _, borne = connection.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not compare_digest(borne.strip().encode(), expected):
            raise NotAuthorizedException(detail=ADVICE, headers={"WWW-Authenticate": 'Bearer realm="parkstream"'})

    return [guard]
