"""How full Redis is, and what it was told to keep, without a Redis."""

from types import SimpleNamespace

import pytest
from parkstream_eventlog import memory_share
from parkstream_eventlog.functions import LOG
from parkstream_eventlog.log import digest_of


@pytest.mark.parametrize(("maxmemory", "share"), [(0, 0.0), (1000, 0.75)])
async def test_the_share_of_memory_is_counted_as_redis_does(maxmemory: int, share: float):
    async def info(section: str) -> dict[str, int]:
        return {"used_memory": 800, "mem_not_counted_for_evict": 50, "maxmemory": maxmemory}

    assert await memory_share(SimpleNamespace(info=info)) == share


def test_a_changed_library_has_a_new_version():
    """An older process must keep calling what it knows: raise the version here and in functions.lua."""
    assert LOG.source.startswith(f"#!lua name=parkstream_eventlog_{LOG.version}\n")
    assert (LOG.version, digest_of(LOG.source.encode()).hex()) == (2, "67d67aeefe5b92ac")
