"""Files of lines, as they are or compressed with zstd."""

import io
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import BinaryIO, Final

import zstandard

ZSTD_MAGIC: Final = b"\x28\xb5\x2f\xfd"
COMPRESSION_LEVEL: Final = 3


def lines_in(file: io.BufferedReader) -> Iterator[bytes]:
    """Yield the lines of *file*, decompressed when it begins as zstd does."""
    if file.peek(len(ZSTD_MAGIC))[: len(ZSTD_MAGIC)] != ZSTD_MAGIC:
        yield from file
        return
    with zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True, closefd=False) as reader:
        yield from io.BufferedReader(reader, buffer_size=1 << 18)


def compressed(file: BinaryIO) -> AbstractContextManager[BinaryIO]:
    """Return what compresses into *file*, which stays open."""
    return zstandard.ZstdCompressor(level=COMPRESSION_LEVEL).stream_writer(file, closefd=False)
