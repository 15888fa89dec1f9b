"""All functions that services call in Redis, and how they get there before the services start."""

from typing import Any, Final

from parkstream_eventlog.functions import IMPORT, LOG
from parkstream_generators.redis_store import CAMERAS
from parkstream_projection.functions import PROJECTING, SWITCHING
from parkstream_service.redis import Library, Loaded, load
from redis import Redis

LIBRARIES: Final[tuple[Library, ...]] = (LOG, IMPORT, PROJECTING, SWITCHING, CAMERAS)


def load_functions(url: str) -> dict[Library, Loaded]:
    """Load all libraries into the Redis at *url*; return what became of each. Those of other versions stay."""
    untyped: Any = Redis
    with untyped.from_url(url, protocol=2) as redis:
        return {library: load(redis, library) for library in LIBRARIES}
