"""What a generator answers beside health and metrics: its account, and to being stopped."""

from collections.abc import Awaitable, Callable, Sequence

from litestar import Router, get, post
from msgspec import Struct
from parkstream_service.access import Role
from parkstream_service.http import Guard, needs, refusals


class Running(Struct, frozen=True):
    """Whether a generator makes events."""

    running: bool


class GeneratorAccount(Struct, frozen=True, kw_only=True):
    """What a camera did, exact also after kill -9, and what it does now."""

    running: bool
    buffered: int
    """Events that are made and not confirmed and counted yet; 0 means that all are."""
    step: int
    made: int
    seed: int
    published: int
    matched: int
    unmatched: int
    misread: int
    backdated: int
    """Exits that clocks date before the entry of their car."""
    duplicate_read: int
    """Further reads of cars that creep: events of their own, but no further cars."""
    placeholder: int
    """Reads without a plate, which become dead letters."""
    missed: int
    duplicates: int
    dropped: int
    gates: dict[str, int]
    """What of ``published`` is from which gate."""
    parked: int | None = None
    """How many cars are inside, as the exit camera knows."""


def camera_router(
    account: Callable[[], Awaitable[GeneratorAccount]], stop: Callable[[], None], guards: Sequence[Guard]
) -> Router:
    """Return all routes of ``/v1``; *guards* watch over them."""
    reading, operating = Role.VISITS_READ, Role.OPERATE

    @get("/account", summary="What did it do?", opt=needs(reading), responses=refusals(reading))
    async def get_account() -> GeneratorAccount:
        """Return how many events were made, published and confirmed."""
        return await account()

    @post("/stop", status_code=202, summary="Make no more events", opt=needs(operating), responses=refusals(operating))
    async def do_stop() -> Running:
        """Make no more events; what was made is still published."""
        stop()
        return Running(running=False)

    return Router("/v1", route_handlers=[get_account, do_stop], guards=list(guards), tags=["camera"])
