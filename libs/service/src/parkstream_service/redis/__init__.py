"""One way to talk to Redis. Reading order: client (what connects), errors (what passes by itself), functions."""

from parkstream_service.redis.client import CONNECT_TIMEOUT_SECONDS, SOCKET_TIMEOUT_SECONDS, Client, connect
from parkstream_service.redis.errors import LibraryMissingError, LibraryOtherError, PassingError, code_of, is_transient
from parkstream_service.redis.functions import READS, Functions, Library, Loaded, load, source_of

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
    "code_of",
    "connect",
    "is_transient",
    "load",
    "source_of",
]
