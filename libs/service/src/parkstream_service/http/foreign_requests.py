"""Keeps out what is not meant for us: other names, pages of other sites, bodies that do not say what they are."""

from collections.abc import Callable
from typing import Any, Final, cast

from litestar.enums import ScopeType
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, Receive, Scope, Send

from parkstream_service.access import Arrival, objection
from parkstream_service.http.problems import RefusedError
from parkstream_service.refusals import Refusal

HEALTH: Final = "/health/"
"""Answers by any name: whoever looks after processes calls them by addresses."""
PAGES: Final = frozenset({"/docs", "/runbook"})
JSON: Final = "application/json"
FORM: Final = "application/x-www-form-urlencoded"
_TYPE: Final = b"content-type"


def is_page(path: str) -> bool:
    """Whether *path* is that of a page that every service may have; it takes no form."""
    return path.rstrip("/") in PAGES


class ForeignRequests(ASGIMiddleware):
    """Lets through what asks for one of the *allowed* names, from no page of another site, with a body of JSON.

    What a page takes may also be a form: a token shows that one of our own sent it.
    """

    scopes = (ScopeType.HTTP,)

    def __init__(self, allowed: frozenset[str], is_page: Callable[[str], bool] = is_page) -> None:
        self._allowed = allowed
        self._is_page = is_page

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Let *next_app* answer, or refuse before anything of the body is read."""
        request = cast("dict[str, Any]", scope)
        if not str(request["path"]).startswith(HEALTH):
            headers: list[tuple[bytes, bytes]] = list(request["headers"])
            address, _ = request.get("server") or ("", None)
            page = self._is_page(str(request["path"]))
            if problem := objection(Arrival(headers, address, page and request["method"] == "GET"), self._allowed):
                raise RefusedError(*problem)
            _check_body(headers, {JSON, FORM} if page else {JSON})
        await next_app(scope, receive, send)


def _check_body(headers: list[tuple[bytes, bytes]], taken: set[str]) -> None:
    """Raise unless a body says, once, that it is of a kind that is *taken*; a form of any site can send no JSON."""
    if not any(
        name == b"transfer-encoding" or (name == b"content-length" and value != b"0") for name, value in headers
    ):
        return
    kinds = [value.decode("latin-1").partition(";")[0].strip().lower() for name, value in headers if name == _TYPE]
    if len(kinds) != 1 or kinds[0] not in taken:
        raise RefusedError(Refusal.CONTENT_TYPE, f"send the body as {JSON}, and the header Content-Type: {JSON}")
