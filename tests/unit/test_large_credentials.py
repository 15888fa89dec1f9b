"""A file of callers or people that somebody has filled up costs no memory, and lets nobody in."""

import tracemalloc
from pathlib import Path

import pytest
from parkstream_console.access.people import read_people
from parkstream_service.access import CredentialsError
from parkstream_service.access.callers import read_callers
from parkstream_service.access.entries import FILE_BYTES_MAX

LONG = 64 << 20
COSTS_MAX = 8 * FILE_BYTES_MAX


@pytest.mark.parametrize("read", [read_callers, read_people])
def test_a_file_that_is_too_long_is_refused_before_it_is_read(tmp_path: Path, read):
    path = tmp_path / "file.json"
    with path.open("wb") as file:
        file.write(b'{"reader":')
        file.truncate(LONG)
    path.chmod(0o600)
    tracemalloc.start()
    try:
        with pytest.raises(CredentialsError):
            read(path)
        assert tracemalloc.get_traced_memory()[1] < COSTS_MAX
    finally:
        tracemalloc.stop()
