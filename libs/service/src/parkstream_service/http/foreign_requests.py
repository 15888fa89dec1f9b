"""Keeps out what is not meant for us: other names, pages of other sites, bodies that do not say what they are."""

from typing import Any, Final, cast

from litestar.enums import ScopeType
from litestar.exceptions import HTTPException, PermissionDeniedException
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, Receive, Scope, Send

from parkstream_service.access import Arrival, objection

HEALTH: Final = "/health/"
"""Answers by any name: whoever looks after processes calls them by addresses."""
PAGES: Final = frozenset({"/docs", "/runbook"})
JSON: Final = "application/json"


class UnsupportedMediaTypeException(HTTPException):
    """A body that is not declared as JSON."""

    status_code = 415


class ForeignRequests(ASGIMiddleware):
    """Lets through what asks for one of the *allowed* names, from no page of another site, with a body of JSON."""

    scopes = (ScopeType.HTTP,)

    def __init__(self, allowed: frozenset[str]) -> None:
        self._allowed = allowed

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Let *next_app* answer, or refuse before anything of the body is read."""
        request = cast("dict[str, Any]", scope)
        if not str(request["path"]).startswith(HEALTH):
            headers: list[tuple[bytes, bytes]] = list(request["headers"])
            address, _ = request.get("server") or ("", None)
            page = request["method"] == "GET" and request["path"].rstrip("/") in PAGES
            if problem := objection(Arrival(headers, address, page), self._allowed):
                raise PermissionDeniedException(detail=problem)
            _check_body(dict(headers))
        await next_app(scope, receive, send)


def _check_body(headers: dict[bytes, bytes]) -> None:
    """Raise unless a body says that it is JSON: what a form of any site can send is none."""
    if headers.get(b"content-length", b"0") == b"0" and b"transfer-encoding" not in headers:
        return
    kind = headers.get(b"content-type", b"").decode("latin-1").partition(";")[0].strip().lower()
    if kind != JSON:
        raise UnsupportedMediaTypeException(detail=f"send the body as {JSON}, and the header Content-Type: {JSON}")
