"""How full Redis is, and what it was told to keep, without a Redis."""

from types import SimpleNamespace

import pytest
from parkstream_eventlog import memory_share
from parkstream_eventlog.functions import IMPORT, LOG
from parkstream_eventlog.log import digest_of
from parkstream_generators.redis_store import CAMERAS
from parkstream_projection.functions import PROJECTING, SWITCHING
from parkstream_service.redis import READS
from parkstream_summaries import INDEX


@pytest.mark.parametrize(("maxmemory", "share"), [(0, 0.0), (1000, 0.75)])
async def test_the_share_of_memory_is_counted_as_redis_does(maxmemory: int, share: float):
    async def info(section: str) -> dict[str, int]:
        return {"used_memory": 800, "mem_not_counted_for_evict": 50, "maxmemory": maxmemory}

    assert await memory_share(SimpleNamespace(info=info)) == share


def test_a_changed_library_has_a_new_version():
    """An older process must keep calling what it knows: raise the version of a library, and then this."""
    libraries = (LOG, IMPORT, PROJECTING, SWITCHING, CAMERAS, INDEX, READS)
    assert LOG.source.startswith(f"#!lua name=parkstream_eventlog_{LOG.version}\n")
    found = {library.name: (library.version, digest_of(library.source.encode()).hex()) for library in libraries}
    assert found == {
        "parkstream_eventlog": (9, "9c295f26129740b1"),
        "parkstream_import": (6, "5f5a5816bc04c1bc"),
        "parkstream_projection": (13, "897587a167a164bb"),
        "parkstream_versions": (7, "a912e6cc17932e44"),
        "parkstream_cameras": (3, "f0e3dddcb36a2b03"),
        "parkstream_summaries": (1, "d50636bb708cd419"),
        "parkstream_reads": (1, "3b6e7b6a98d33be0"),
    }
