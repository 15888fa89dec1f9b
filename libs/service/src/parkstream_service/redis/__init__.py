"""One way to talk to Redis.

Reading order: client (what connects), sentinels, errors (what passes), functions, replicas (what waits for them).
"""

from parkstream_service.redis.client import CONNECT_TIMEOUT_SECONDS, SOCKET_TIMEOUT_SECONDS, Client, connect
from parkstream_service.redis.errors import (
    LibraryMissingError,
    LibraryOtherError,
    PassingError,
    ReplicasBehindError,
    code_of,
    is_transient,
)
from parkstream_service.redis.functions import READS, Functions, Library, Loaded, load, source_of
from parkstream_service.redis.replicas import Replicas
from parkstream_service.redis.sentinels import blocking, urls_of_replicated

__all__ = [
    "CONNECT_TIMEOUT_SECONDS",
    "READS",
    "SOCKET_TIMEOUT_SECONDS",
    "Client",
    "Functions",
    "Library",
    "LibraryMissingError",
    "LibraryOtherError",
    "Loaded",
    "PassingError",
    "Replicas",
    "ReplicasBehindError",
    "blocking",
    "code_of",
    "connect",
    "is_transient",
    "load",
    "source_of",
    "urls_of_replicated",
]
