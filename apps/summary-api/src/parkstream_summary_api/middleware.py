"""How long requests take."""

from time import perf_counter
from typing import Any, cast

from litestar.enums import ScopeType
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, Message, Receive, Scope, Send
from parkstream_telemetry import Telemetry, names


class RequestDurations(ASGIMiddleware):
    """Records the duration of every request by method, route and status."""

    scopes = (ScopeType.HTTP,)

    def __init__(self, telemetry: Telemetry) -> None:
        self._telemetry = telemetry

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Let *next_app* answer, and record how long it took."""
        request = cast("dict[str, Any]", scope)
        began = perf_counter()
        status = 500

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

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
