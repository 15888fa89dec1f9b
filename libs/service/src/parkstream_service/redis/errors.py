"""Which errors of Redis pass by themselves: one judgement for all clients, by type and code, never by free text."""

from typing import Final

from redis.exceptions import (
    AuthenticationError,
    AuthorizationError,
    BusyLoadingError,
    ClusterDownError,
    ExecAbortError,
    NoScriptError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
    TryAgainError,
)
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

TRANSIENT_CODES: Final = frozenset(
    {
        "BUSY",  # A script runs for too long.
        "CLUSTERDOWN",
        "LOADING",  # It reads its AOF.
        "MASTERDOWN",
        "MISCONF",  # It cannot write its AOF.
        "NOREPLICAS",
        "NOSCRIPT",
        "OOM",
        "READONLY",  # It became a replica.
        "TRYAGAIN",
        "UNBLOCKED",  # It became a replica while a call was waiting, or somebody ended the wait.
    }
)
_TRANSIENT: Final = (
    RedisConnectionError,
    RedisTimeoutError,
    ConnectionError,
    BusyLoadingError,
    ClusterDownError,
    NoScriptError,
    OutOfMemoryError,
    ReadOnlyError,
    TryAgainError,
)
_PERMANENT: Final = (AuthenticationError, AuthorizationError)
_ABORTED: Final = "because of: "
"""Before the code in an EXECABORT, when EXEC itself was refused."""
_CLOSED_TRANSPORT: Final = ("the handler is closed", "Transport closed=True")
"""uvloop raises a bare ``RuntimeError`` that has neither type nor code."""


class PassingError(Exception):
    """Nothing was done; the same call may succeed when somebody has put something right."""


def code_of(error: RedisError) -> str:
    """Return the code that Redis answered with, the first word of its reply; "" when it did not answer."""
    if isinstance(error, ExecAbortError) and _ABORTED in str(error):
        return str(error).partition(_ABORTED)[2].split(" ", 1)[0]
    first = error.status_code or str(error).split(" ", 1)[0]
    return first if first.isupper() and first.isalpha() else ""


def is_transient(error: BaseException) -> bool:
    """Whether the same call may succeed later: no connection, restarting, full, read-only, busy."""
    if isinstance(error, _PERMANENT):
        return False
    if isinstance(error, PassingError):
        return True
    if isinstance(error, RedisError) and code_of(error) in TRANSIENT_CODES:
        return True
    return isinstance(error, _TRANSIENT) or _has_closed_transport(error)


def _has_closed_transport(error: BaseException) -> bool:
    return isinstance(error, RuntimeError) and any(sign in str(error) for sign in _CLOSED_TRANSPORT)
