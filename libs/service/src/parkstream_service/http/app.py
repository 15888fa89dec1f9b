"""One application for every service: its own routes, and beside them health, metrics, problems and the API document."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Final

from litestar import Litestar
from litestar.types import ControllerRouterHandler, Middleware, Scope
from msgspec import Struct

from parkstream_service.http.documents import openapi
from parkstream_service.http.health import Problems, health_routes, metrics_route
from parkstream_service.http.problems import Kind, handlers
from parkstream_service.refusals import Refusal

BODY_BYTES_MAX: Final = 64 * 1024
"""What a service reads of a request, unless it asks for more."""


class HttpFace(Struct, frozen=True, kw_only=True):
    """What a service shows: its own *routes*, which watch over themselves, and what all services have."""

    title: str
    description: str
    guarded: bool
    """Whether a token is configured; the API document says so."""
    routes: Sequence[ControllerRouterHandler]
    live: Problems
    """What only a restart mends, by name."""
    ready: Problems
    """What keeps the service from being of use now, by name."""
    metrics: Callable[[], bytes]
    """Every metric in Prometheus' text format."""
    lifespan: Callable[[], AbstractAsyncContextManager[None]]
    report: Callable[[Exception], None]
    """Takes errors that nobody foresaw; the client sees nothing of them."""
    refused: Callable[[Refusal], None]
    """Hears of each request that is beyond a limit."""
    kinds: Mapping[type[Exception], Kind] = {}
    """How the errors of *routes* are answered."""
    middleware: Sequence[Middleware] = ()
    after_exception: Sequence[Callable[[Exception, Scope], Awaitable[None]]] = ()
    body_bytes_max: int = BODY_BYTES_MAX


def http_app(face: HttpFace) -> Litestar:
    """Return the application that shows *face*; what it needs is started and stopped in its lifespan."""
    untyped: Any = face.lifespan
    return Litestar(
        route_handlers=[*face.routes, *health_routes(face.live, face.ready), metrics_route(face.metrics)],
        exception_handlers=handlers(face.kinds, face.report),
        middleware=face.middleware,
        after_exception=face.after_exception,
        lifespan=[lambda _: untyped()],
        openapi_config=openapi(face.title, face.description, guarded=face.guarded),
        request_max_body_size=face.body_bytes_max,
        logging_config=None,
    )
