"""Which errors of Redis pass by themselves, and how long to wait before the next try."""

import random
from collections.abc import Iterator

from redis.exceptions import (
    AuthenticationError,
    AuthorizationError,
    BusyLoadingError,
    OutOfMemoryError,
    ReadOnlyError,
    ResponseError,
    TryAgainError,
)
from redis.exceptions import (
    ConnectionError as RedisConnectionError,
)
from redis.exceptions import (
    TimeoutError as RedisTimeoutError,
)

FIRST_SECONDS = 0.05
MOST_SECONDS = 2.0

_PASSING = (RedisConnectionError, RedisTimeoutError, BusyLoadingError, OutOfMemoryError, ReadOnlyError, TryAgainError)
_STAYING = (AuthenticationError, AuthorizationError)
_PASSING_PREFIXES = ("BUSY ", "MISCONF ", "NOREPLICAS ", "CLUSTERDOWN ", "MASTERDOWN ")


def is_transient(error: BaseException) -> bool:
    """Whether the same call may succeed later: no connection, restarting, full, read-only, busy."""
    if isinstance(error, _STAYING):
        return False
    return isinstance(error, _PASSING) or (
        isinstance(error, ResponseError) and str(error).startswith(_PASSING_PREFIXES)
    )


def delays_seconds(first_seconds: float = FIRST_SECONDS, most_seconds: float = MOST_SECONDS) -> Iterator[float]:
    """Yield for ever how long to wait: doubled each time up to *most_seconds*, each between half and all of it."""
    step_seconds = first_seconds
    while True:
        yield step_seconds * random.uniform(0.5, 1.0)  # noqa: S311 (spreads load, guards no secret)
        step_seconds = min(step_seconds * 2, most_seconds)
