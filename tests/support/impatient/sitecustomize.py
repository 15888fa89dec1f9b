"""Makes every Python process with this folder on its path wait half as long for an answer of Redis."""

from parkstream_service.redis import SOCKET_TIMEOUT_SECONDS, client

client.connect.__kwdefaults__["timeout_seconds"] = SOCKET_TIMEOUT_SECONDS / 2
