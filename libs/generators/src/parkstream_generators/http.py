"""What a generator answers over HTTP: health, its account, and to being stopped."""

import hmac
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Any

import msgspec
from faststream.asgi import AsgiResponse, get, post
from faststream.asgi.types import ASGIApp, Scope
from parkstream_telemetry import Telemetry
from parkstream_telemetry.asgi import metrics_response

Answer = Callable[[], Awaitable[Mapping[str, Any]]]


def routes(
    telemetry: Telemetry, token: str | None, *, ready: Answer, account: Answer, stop: Answer
) -> list[tuple[str, ASGIApp]]:
    """Return the paths with what answers them; with a *token*, ``/v1`` asks for it."""

    @get
    async def live(_: Scope) -> AsgiResponse:
        return _json({"status": "live"})

    @get
    async def is_ready(_: Scope) -> AsgiResponse:
        checks = await ready()
        well = all(checks.values())
        status = HTTPStatus.OK if well else HTTPStatus.SERVICE_UNAVAILABLE
        return _json({"status": "ready" if well else "not ready", "checks": checks}, status)

    @get
    async def the_account(scope: Scope) -> AsgiResponse:
        return _json(await account()) if _may(scope, token) else _refused()

    @post
    async def do_stop(scope: Scope) -> AsgiResponse:
        return _json(await stop(), HTTPStatus.ACCEPTED) if _may(scope, token) else _refused()

    return [
        ("/health/live", live),
        ("/health/ready", is_ready),
        ("/metrics", metrics_response(telemetry)),
        ("/v1/account", the_account),
        ("/v1/stop", do_stop),
    ]


def _may(scope: Scope, token: str | None) -> bool:
    if token is None:
        return True
    given: bytes = dict(scope["headers"]).get(b"authorization", b"")
    return hmac.compare_digest(given, f"Bearer {token}".encode())


def _refused() -> AsgiResponse:
    problem = {"status": 401, "title": "Unauthorized", "detail": "Send 'Authorization: Bearer <PARKSTREAM_API_TOKEN>'."}
    headers = {"content-type": "application/problem+json", "www-authenticate": "Bearer"}
    return AsgiResponse(msgspec.json.encode(problem), HTTPStatus.UNAUTHORIZED, headers)


def _json(value: object, status: HTTPStatus = HTTPStatus.OK) -> AsgiResponse:
    return AsgiResponse(msgspec.json.encode(value), status, {"content-type": "application/json"})
