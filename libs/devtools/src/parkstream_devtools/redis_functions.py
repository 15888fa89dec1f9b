"""All functions that services call in Redis, and how they get there before the services start."""

from typing import Any, Final

from parkstream_eventlog.functions import IMPORT, LOG, MOVE
from parkstream_generators.redis_store import CAMERAS
from parkstream_projection.functions import PROJECTING, SWITCHING
from parkstream_service.redis import READS, Library, Loaded, blocking, code_of, load
from parkstream_summaries import INDEX
from redis.exceptions import ResponseError

_NONE_OF_THIS_KIND: Final = {"BUSY", "NOTBUSY"}
"""Nothing runs, or it was not called in this way."""
LIBRARIES: Final[tuple[Library, ...]] = (READS, LOG, IMPORT, MOVE, PROJECTING, SWITCHING, CAMERAS, INDEX)


def load_functions(url: str) -> dict[Library, Loaded]:
    """Load all libraries into the Redis at *url*; return what became of each. Those of other versions stay."""
    with _client_of(url) as redis:
        return {library: load(redis, library) for library in LIBRARIES}


def kill_function(url: str) -> bool:
    """End the function or script that runs in the Redis at *url*; return whether one did.

    Raises ``ResponseError`` (``UNKILLABLE``) when it has written.
    """
    with _client_of(url) as redis:
        for command in ("FUNCTION KILL", "SCRIPT KILL"):
            try:
                redis.execute_command(command)
            except ResponseError as error:
                if code_of(error) not in _NONE_OF_THIS_KIND:
                    raise
            else:
                return True
    return False


def _client_of(url: str) -> Any:  # noqa: ANN401 - redis-py's answers are not typed
    """Return a client that sends nothing by itself: a Redis that is busy would not answer it."""
    return blocking(url, protocol=2, driver_info=None)
