"""Data that others wrote, read with a limit: whoever made it does not decide how much memory we need."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final

from parkstream_events.wire import UNREADABLE

__all__ = ["ANSWER_BYTES_MAX", "UNREADABLE", "TooLongError", "content_within", "lines_cut", "lines_within"]

ANSWER_BYTES_MAX: Final = 8 << 20
"""Longer than any answer that a tool of ours asks for."""
CHUNK_BYTES: Final = 64 * 1024


class TooLongError(ValueError):
    """Something is longer than may be."""

    def __init__(self, bytes_max: int, what: object = "a line") -> None:
        super().__init__(f"{what} is longer than {bytes_max:,} bytes")


def content_within(path: Path, bytes_max: int) -> bytes:
    """Return what *path* holds; raise ``TooLongError`` or ``OSError``."""
    content = bytearray()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            content += chunk
            if len(content) > bytes_max:
                raise TooLongError(bytes_max, path)
    return bytes(content)


def lines_cut(file: IO[bytes], bytes_max: int) -> Iterator[bytes]:
    """Yield the lines of *file*; of one that is longer nothing but its line feed, if it has one."""
    while line := file.readline(bytes_max):
        if _is_whole(line, bytes_max):
            yield line
            continue
        while not _is_whole(line, bytes_max):
            line = file.readline(bytes_max)
        yield line[-1:]


def lines_within(file: IO[bytes] | io.BufferedReader, bytes_max: int) -> Iterator[bytes]:
    """Yield the lines of *file*; raise ``TooLongError`` before one that is longer, its line feed included."""
    while line := file.readline(bytes_max + 1):
        if len(line) > bytes_max:
            raise TooLongError(bytes_max)
        yield line


def _is_whole(line: bytes, bytes_max: int) -> bool:
    return len(line) < bytes_max or line.endswith(b"\n")
