"""Lets clients of Redis in this process wait while the machine stands still: nobody is away then."""

from parkstream_service.redis import client

PATIENCE_SECONDS = 60.0


def be_patient() -> None:
    """Wait so long for each answer and each connection from here on."""
    client.connect.__kwdefaults__["timeout_seconds"] = client.CONNECT_TIMEOUT_SECONDS = PATIENCE_SECONDS
