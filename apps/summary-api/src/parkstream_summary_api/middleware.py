"""What is measured of requests: how long they take, and a span for each POST."""

from time import perf_counter
from typing import Any, Final, cast

from litestar.enums import ScopeType
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, Message, Receive, Scope, Send
from parkstream_events.summaries import SENT_AT_HEADER
from parkstream_telemetry import INVALID_SPAN, Span, Telemetry, end, names

SERVER_ERROR: Final = 500
_KEY: Final = "parkstream_asked"


class Asked:
    """What is known of a request while it is answered."""

    __slots__ = ("error", "item_count", "sent_at_us", "span")

    def __init__(self, span: Span, sent_at_us: int | None) -> None:
        self.span = span
        self.sent_at_us = sent_at_us
        self.item_count: int | None = None
        self.error: Exception | None = None


class Requests(ASGIMiddleware):
    """Records the duration of every request by method, route and status, and traces what is posted."""

    scopes = (ScopeType.HTTP,)

    def __init__(self, telemetry: Telemetry) -> None:
        self._telemetry = telemetry

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Let *next_app* answer, and measure how that went."""
        request = cast("dict[str, Any]", scope)
        began = perf_counter()
        status = SERVER_ERROR

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        if request["method"] == "POST":
            request["state"][_KEY] = self._asked(request)
        try:
            await next_app(scope, receive, noting)
        finally:
            self._telemetry.record(
                names.HTTP_REQUEST_DURATION,
                perf_counter() - began,
                method=str(request["method"]),
                route=request["path_template"],
                status_code=status,
                scheme=request["scheme"],
            )
            if request["method"] == "POST":
                _end(asked_of(scope), status)

    def _asked(self, request: dict[str, Any]) -> Asked:
        headers = dict(request["headers"])
        span: Span = INVALID_SPAN
        if self._telemetry.tracing:
            traceparent = headers.get(b"traceparent", b"").decode("latin-1")
            span = self._telemetry.steps.post(request["path_template"], traceparent, scheme=request["scheme"])
        sent_at = headers.get(SENT_AT_HEADER.encode(), b"")
        return Asked(span, int(sent_at) if sent_at.isdigit() and len(sent_at) <= len(str(2**53)) else None)


def asked_of(scope: Scope) -> Asked:
    """Return what is known of the POST of *scope*."""
    return cast("Asked", cast("dict[str, Any]", scope)["state"][_KEY])


async def note_error(error: Exception, scope: Scope) -> None:
    """Remember because of which *error* a request failed."""
    asked = cast("dict[str, Any]", scope).get("state", {}).get(_KEY)
    if isinstance(asked, Asked):
        asked.error = error


def _end(asked: Asked, status: int) -> None:
    """End the span; what the client did wrong is no error of ours."""
    error = asked.error if status >= SERVER_ERROR else None
    end(asked.span, error=error, status_code=status, batch_count=asked.item_count)
