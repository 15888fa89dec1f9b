"""Is a process alive, is it of use now, and its figures: the same paths and one shape of body for all services."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Final, Literal, TypeAlias

from litestar import Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.datastructures import ResponseSpec
from msgspec import Struct

from parkstream_service.access import Role
from parkstream_service.http.bearer import Guard, needs
from parkstream_service.http.problems import refusals

Problems: TypeAlias = Callable[[], Awaitable[Mapping[str, str]]]
"""Returns what was looked at, by name, with what is wrong with it; "" when nothing is."""
Status: TypeAlias = Literal["ok", "warning", "failing"]
PROMETHEUS: Final = "text/plain; version=0.0.4"
"""Litestar adds the charset."""


class Notice(str):
    """What is wrong, though the process is of use: somebody should look at it."""

    __slots__ = ()


class Check(Struct, frozen=True):
    """One thing that was looked at; *detail* says what is wrong with it."""

    status: Status
    detail: str = ""

    @classmethod
    def of(cls, problem: str) -> "Check":
        """Return what *problem* amounts to."""
        if not problem:
            return cls("ok")
        return cls("warning" if isinstance(problem, Notice) else "failing", problem)


class Health(Struct, frozen=True):
    """``failing`` when a check is, else ``ok``: a ``warning`` keeps nothing from working."""

    status: Status
    checks: dict[str, Check]

    @classmethod
    def of(cls, problems: Mapping[str, str]) -> "Health":
        """Return the health that *problems* amount to."""
        checks = {name: Check.of(problem) for name, problem in problems.items()}
        return cls("failing" if any(check.status == "failing" for check in checks.values()) else "ok", checks)


FAILING: Final = {503: ResponseSpec(Health, generate_examples=False, description="A check fails; its detail says why.")}


def health_routes(live: Problems, ready: Problems) -> list[HTTPRouteHandler]:
    """Return ``/health/live`` and ``/health/ready``: 200 when nothing is wrong, else 503."""

    @get("/health/live", summary="Is the process alive?", tags=["operation"], responses=FAILING)
    async def is_live() -> Response[Health]:
        """Answer 200 while every task of the process runs; when one has failed, only a restart helps."""
        return _answer(await live())

    @get("/health/ready", summary="Is it of use now?", tags=["operation"], responses=FAILING)
    async def is_ready() -> Response[Health]:
        """Answer 200 when the process can do its work now."""
        return _answer(await ready())

    return [is_live, is_ready]


def metrics_route(metrics: Callable[[], bytes], guards: Sequence[Guard]) -> HTTPRouteHandler:
    """Return ``/metrics``; *guards* watch over it."""

    @get(
        "/metrics",
        summary="Metrics in Prometheus' text format",
        tags=["operation"],
        media_type=PROMETHEUS,
        guards=list(guards),
        opt=needs(Role.METRICS),
        responses=refusals(Role.METRICS),
    )
    async def every_metric() -> bytes:
        """Return every metric of this process."""
        return metrics()

    return every_metric


def _answer(problems: Mapping[str, str]) -> Response[Health]:
    health = Health.of(problems)
    status = HTTPStatus.OK if health.status == "ok" else HTTPStatus.SERVICE_UNAVAILABLE
    return Response(health, status_code=status)
