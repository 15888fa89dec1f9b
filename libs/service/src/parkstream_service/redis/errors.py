"""Which errors of Redis pass by themselves: one judgement for all clients, by type and code, never by free text.

| what came                                                     | what is done                              |
|---------------------------------------------------------------|-------------------------------------------|
| no answer, half of one, or one that is none                   | the same call again, on a new connection  |
| a code of ``TRANSIENT_CODES``: it says how Redis is           | the same call again, and ready says why   |
| that it has not got our functions, or has others              | the same                                  |
| anything else: it says that the call is wrong, or nobody knows| raised: another try would fare no better  |
"""

from typing import Any, Final

from redis.exceptions import (
    AuthenticationError,
    AuthorizationError,
    BusyLoadingError,
    ClusterDownError,
    ExecAbortError,
    InvalidResponse,
    NoPermissionError,
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
        "DENIED",  # Its protected mode was switched on.
        "LOADING",  # It reads its AOF.
        "MASTERDOWN",
        "MISCONF",  # It cannot write its AOF.
        "NOAUTH",  # Users and passwords are changed while we run: these four last until somebody has done it right.
        "NOMASTERLINK",
        "NOPERM",
        "NOREPLICAS",
        "NOSCRIPT",
        "OOM",
        "READONLY",  # It became a replica.
        "TRYAGAIN",
        "UNBLOCKED",  # It became a replica while a call was waiting, or somebody ended the wait.
        "WRONGPASS",
    }
)
_TRANSIENT: Final = (
    RedisConnectionError,
    RedisTimeoutError,
    ConnectionError,
    AuthenticationError,
    AuthorizationError,
    BusyLoadingError,
    ClusterDownError,
    InvalidResponse,
    NoPermissionError,
    NoScriptError,
    OutOfMemoryError,
    ReadOnlyError,
    TryAgainError,
)
_ABORTED: Final = "because of: "
"""Before the code in an EXECABORT, when EXEC itself was refused."""


class LibraryMissingError(RedisError):
    """Redis has not got the functions *library*: whoever upgrades or restores loads them."""

    def __init__(self, library: str) -> None:
        untyped: Any = super()
        untyped.__init__(f"Redis has not got the functions {library}: parkstream functions load")
        self.library = library


class LibraryOtherError(RedisError):
    """The functions *library* in Redis are not those of this program: somebody has replaced them."""

    def __init__(self, library: str) -> None:
        untyped: Any = super()
        untyped.__init__(
            f"the functions {library} in Redis are not those of this program: find out who replaced them, then "
            "parkstream functions load"
        )
        self.library = library


class PassingError(Exception):
    """Nothing was done; the same call may succeed when somebody has put something right."""


class ReplicasBehindError(PassingError):
    """What was written is on *there* replicas, and has to be on *minimum*."""

    def __init__(self, minimum: int, there: int, why: str = "") -> None:
        super().__init__(
            f"waits for replicas: {there} of Redis' replicas have what was written, {minimum} must "
            f"(PARKSTREAM_REDIS_REPLICAS_MIN); see which are away: INFO replication{f' ({why})' if why else ''}"
        )
        self.minimum = minimum
        self.there = there


def code_of(error: RedisError) -> str:
    """Return the code that Redis answered with, the first word of its reply; "" when it did not answer."""
    if isinstance(error, ExecAbortError) and _ABORTED in str(error):
        return str(error).partition(_ABORTED)[2].split(" ", 1)[0]
    first = error.status_code or str(error).split(" ", 1)[0]
    return first if first.isupper() and first.isalpha() else ""


def is_transient(error: BaseException) -> bool:
    """Whether the same call may succeed later, since what is wrong is wrong with Redis, or with the way to it."""
    if isinstance(error, RedisError) and code_of(error) in TRANSIENT_CODES:
        return True
    return isinstance(error, (*_TRANSIENT, LibraryMissingError, LibraryOtherError, PassingError))
