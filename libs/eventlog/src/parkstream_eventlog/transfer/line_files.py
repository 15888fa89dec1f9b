"""Files of lines, as they are or compressed with zstd."""

import io
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any, BinaryIO, Final

import zstandard
from parkstream_service.foreign_data import TooLongError, lines_within

from parkstream_eventlog.transfer.json_lines import LINE_BYTES_MAX, LineError

ZSTD_MAGIC: Final = b"\x28\xb5\x2f\xfd"
COMPRESSION_LEVEL: Final = 3
WINDOW_BYTES_MAX: Final = 8 << 20
"""What a decompressor keeps of what came before: up to level 19 no more is needed."""

END: Final = b"\x50\x2a\x4d\x18" + (1 << 18).to_bytes(4, "little") + b"\xff" * (1 << 18)
"""A frame that is skipped after a whole one, and that a frame which was cut off does not understand."""


class _Ended:
    """*file*, and behind it what shows whether its last frame is whole: zstd would not say that one was cut off."""

    def __init__(self, file: io.BufferedReader) -> None:
        self._file = file
        self._end = io.BytesIO(END)

    def read(self, size: int) -> bytes:
        """Return the next bytes."""
        return self._file.read(size) or self._end.read(size)


def lines_in(file: io.BufferedReader) -> Iterator[bytes]:
    """Yield the lines of *file*, decompressed when it begins as zstd does; raise ``LineError``."""
    try:
        if file.peek(len(ZSTD_MAGIC))[: len(ZSTD_MAGIC)] != ZSTD_MAGIC:
            yield from lines_within(file, LINE_BYTES_MAX)
            return
        decompressor = zstandard.ZstdDecompressor(max_window_size=WINDOW_BYTES_MAX)
        source: Any = _Ended(file)  # Nothing but its read is called.
        with decompressor.stream_reader(source, read_across_frames=True, closefd=False) as reader:
            yield from lines_within(io.BufferedReader(reader, buffer_size=1 << 18), LINE_BYTES_MAX)
    except TooLongError as error:
        raise LineError(str(error)) from error
    except zstandard.ZstdError as error:
        message = f"it cannot be decompressed, because it was cut off or is damaged ({error})"
        raise LineError(message) from error


def compressed(file: BinaryIO) -> AbstractContextManager[BinaryIO]:
    """Return what compresses into *file*, which stays open."""
    return zstandard.ZstdCompressor(level=COMPRESSION_LEVEL).stream_writer(file, closefd=False)
