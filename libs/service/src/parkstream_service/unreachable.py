"""Why nobody answered, in the words of the system, and how long whoever asks for a person waits."""

import os
import ssl
from typing import Final

from parkstream_service.settings import hosts_of

ASK_SECONDS: Final = 5.0
BROKER: Final = "RabbitMQ"


class UnreachableError(Exception):
    """Nobody answered at *url*, which may be ``BROKER``, or not as expected."""

    def __init__(self, url: str, why: str) -> None:
        self.url = url if url == BROKER else hosts_of(url)
        super().__init__(f"{self.url}: {why}")
        self.why = why


def reason(error: Exception) -> str:
    """Return why nobody answered, in the words of the system where it has any."""
    cause = error if isinstance(error, OSError) else error.__context__
    for one in (error, error.__cause__, error.__context__):
        if isinstance(one, ssl.SSLError):  # Its number is none of the system's, and others copy it.
            return str(one)
    if isinstance(cause, OSError) and cause.errno is not None and cause.errno > 0:
        return os.strerror(cause.errno)
    return str(error) or type(error).__name__
