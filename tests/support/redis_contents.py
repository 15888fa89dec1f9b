"""All that a Redis of one mall holds, in a form that can be compared."""

from typing import Any

from parkstream_devtools import RedisServer
from redis import Redis


def data_of(server: RedisServer) -> dict[bytes, Any]:
    """Return all of the log and what is made of it; of a stream its entries, not when its consumers last looked."""
    with Redis(port=server.port) as redis:

        def value(key: bytes) -> Any:
            match redis.type(key):
                case b"hash":
                    return redis.hgetall(key)
                case b"stream":
                    return redis.xrange(key)
                case _:
                    return redis.dump(key)

        return {key: value(key) for key in redis.keys("*") if b":record:reports:" not in key}
