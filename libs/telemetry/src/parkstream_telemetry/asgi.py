"""``/metrics`` for any ASGI server."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import TYPE_CHECKING, Any

from parkstream_telemetry.prometheus import CONTENT_TYPE

if TYPE_CHECKING:
    from parkstream_telemetry.telemetry import Telemetry

Message = MutableMapping[str, Any]
Application = Callable[
    [Message, Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]], Awaitable[None]
]


def metrics_response(telemetry: "Telemetry") -> Application:
    """Return an ASGI application that answers every request with the figures of *telemetry*."""

    async def metrics(
        scope: Message,  # noqa: ARG001 - ASGI hands it over
        receive: Callable[[], Awaitable[Message]],  # noqa: ARG001
        send: Callable[[Message], Awaitable[None]],
    ) -> None:
        headers = [(b"content-type", CONTENT_TYPE.encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": telemetry.prometheus()})

    return metrics
