"""What was acknowledged, and is nowhere any more: what a mall may lose whose backends wait for no replica."""

import time
from typing import Final

from parkstream_projection import ProjectionError
from redis.exceptions import RedisError

from chaos.broken import BrokenPromiseError
from chaos.camera import AWAY
from chaos.kinds.operations import finished
from chaos.kinds.replacements import end
from chaos.mall import START_SECONDS, UNANSWERED, Mall
from chaos.verdict import POLL_SECONDS, REST_SECONDS, recorded, unrest

STILL_SECONDS: Final = 15.0
"""What has stood still for so long is looked at: for that the backends end."""
SETTLED_SECONDS: Final = 2 * REST_SECONDS
"""How long it may take with that."""


def wait_until_rest_or_loss(mall: Mall) -> None:
    """Return at rest, or when nothing waits any more though something is missing; raise ``BrokenPromiseError``."""
    deadline = time.monotonic() + SETTLED_SECONDS
    before, since = None, time.monotonic()
    while found := unrest(mall):
        now = _figures(mall)
        if now is None or now != before:
            before, since = now, time.monotonic()
        elif time.monotonic() - since > STILL_SECONDS:
            if _is_final(mall):
                return
            since = time.monotonic()
        if time.monotonic() > deadline:
            message = f"at rest: not within {SETTLED_SECONDS:g} s: {found}"
            raise BrokenPromiseError(message)
        time.sleep(POLL_SECONDS)


def missing(mall: Mall) -> int:
    """Return how many sightings that RabbitMQ has confirmed are not in the log; none when it cannot be asked."""
    try:
        return max(0, mall.camera.cars.traffic.sightings - recorded(mall.state()))
    except (RedisError, ProjectionError):
        return 0


def _figures(mall: Mall) -> tuple[int, int, int] | None:
    """Return what changes while anything goes on; None while cars come, or servers are away."""
    if mall.servers_away() or not mall.camera.done:
        return None
    try:
        state = mall.state()
        return state.position, state.checkpoint, mall.camera.queues().work
    except (*UNANSWERED, *AWAY, RedisError, ProjectionError):
        return None


def _is_final(mall: Mall) -> bool:
    """End the backends, so that all they hold waits in RabbitMQ, and adopt the log that is left, as a person would.

    Return whether nothing waits; else they begin again.
    """
    for number in range(len(mall.backends)):
        end(mall, number)
    finished(mall, "log", "adopt", "--yes")
    if not mall.camera.queues().work and not mall.state().lag:
        return True
    for backend in mall.backends:
        backend.restart()
    for backend in mall.backends:
        backend.wait_ready(START_SECONDS)
    return False
