"""One way to talk to Redis. Reading order: functions."""

from parkstream_service.redis.functions import Functions, Library, source_of

__all__ = ["Functions", "Library", "source_of"]
