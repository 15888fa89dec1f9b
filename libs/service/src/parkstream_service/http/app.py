"""One application for every service: its own routes, and beside them health, metrics, problems and the API document."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Final

from litestar import Litestar
from litestar.config.app import AppConfig
from litestar.types import ControllerRouterHandler, Middleware, Scope
from msgspec import Struct

from parkstream_service.access import OPEN, Access
from parkstream_service.http.bearer import bearer_guards
from parkstream_service.http.documents import openapi
from parkstream_service.http.foreign_requests import ForeignRequests, is_page
from parkstream_service.http.health import Notice, Problems, health_routes, metrics_route
from parkstream_service.http.problems import Kind, handlers
from parkstream_service.refusals import Refusal

BODY_BYTES_MAX: Final = 64 * 1024
"""What a service reads of a request, unless it asks for more."""


class HttpFace(Struct, frozen=True, kw_only=True):
    """What a service shows: its own *routes*, which watch over themselves, and what all services have."""

    title: str
    description: str
    access: Access
    """Who may ask."""
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
    warn: Callable[[str], None]
    """Takes what whoever runs the service should know of who may ask."""
    refused: Callable[[Refusal], None]
    """Hears of each request that is beyond a limit, or from somebody who is not let in."""
    public: bool = False
    """Whether it shows and takes nothing but what everybody may; without a credential that is no reason to warn."""
    kinds: Mapping[type[Exception], Kind] = {}
    """How the errors of *routes* are answered."""
    middleware: Sequence[Middleware] = ()
    after_exception: Sequence[Callable[[Exception, Scope], Awaitable[None]]] = ()
    body_bytes_max: int = BODY_BYTES_MAX
    is_page: Callable[[str], bool] = is_page
    """Whether a path is that of a page: links of other sites may lead there, and forms be sent there."""
    on_app_init: Sequence[Callable[[AppConfig], AppConfig]] = ()
    """What pages need besides: templates, sessions."""


def http_app(face: HttpFace) -> Litestar:
    """Return the application that shows *face*; what it needs is started and stopped in its lifespan."""
    untyped: Any = face.lifespan
    callers = face.access.callers
    guards = bearer_guards(callers)
    return Litestar(
        route_handlers=[*face.routes, *health_routes(face.live, _ready(face)), metrics_route(face.metrics, guards)],
        exception_handlers=handlers(face.kinds, face.report, face.refused),
        middleware=[ForeignRequests(face.access.hosts, face.is_page), *face.middleware],
        after_exception=face.after_exception,
        on_startup=[lambda: _begin(face)],
        lifespan=[lambda _: untyped()],
        openapi_config=openapi(face.title, face.description, guarded=callers is not None),
        on_app_init=face.on_app_init,
        request_max_body_size=face.body_bytes_max,
        logging_config=None,
    )


def _begin(face: HttpFace) -> None:
    callers = face.access.callers
    if callers is None and not face.public:
        face.warn(OPEN)
    elif callers is not None and callers.file:
        callers.file.report = face.warn


def _ready(face: HttpFace) -> Problems:
    """Return what ready looks at: what the service names, and whether who may ask is as configured."""
    if face.public:
        return face.ready

    async def ready() -> Mapping[str, str]:
        problem = face.access.problem
        return {**await face.ready(), "credentials": Notice(problem) if problem else ""}

    return ready
