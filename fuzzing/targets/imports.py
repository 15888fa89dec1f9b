"""Exported files as ``log import`` reads them, plain and compressed."""

from io import BufferedReader, BytesIO
from random import Random
from typing import Any, Final

import zstandard
from parkstream_eventlog import Record
from parkstream_eventlog.transfer.importer import NotImportedError, Reader, Standing
from parkstream_eventlog.transfer.json_lines import line_of, record_of
from parkstream_eventlog.transfer.line_files import ZSTD_MAGIC, lines_in
from parkstream_events import wire
from parkstream_events.log_schema import LOG_SCHEMA

from fuzzing.target import MIB, Target, promise
from fuzzing.targets.events import NOW_US, SIGHTINGS

SHARE_COMPRESSED: Final = 0.4
SHARE_LARGE: Final = 0.002
LARGE: Final = (5 * MIB, 16 * MIB, 48 * MIB)
"""What a few bytes may be decompressed to: more than may be kept of it."""
COUNT: Final = 6


def record(position: int) -> Record:
    """Return the record at *position* of the log that is exported here."""
    type_ = wire.ENTERED if position % 2 else wire.EXITED
    return Record(position, type_, f"id-{position}", wire.encode(SIGHTINGS[type_]), NOW_US + position, None, None)


LINES: Final = b"".join(
    line_of(record(position), "log-1" if position == 1 else None) for position in range(1, COUNT + 1)
)


def compressed(data: bytes) -> bytes:
    """Return *data* as zstd."""
    return zstandard.ZstdCompressor(level=1).compress(data)


def inflated(rng: Random, data: bytes) -> bytes:
    """Return *data* with so much in it that nobody could keep it, once in a while."""
    if rng.random() > SHARE_LARGE:
        return data
    at = rng.randrange(len(data) + 1)
    return data[:at] + rng.choice((b"x", b"\n", b" ", b"[1],", LINES)) * (rng.choice(LARGE) // 40) + data[at:]


def _finished(rng: Random, data: bytes) -> bytes:
    if rng.random() > SHARE_COMPRESSED:
        return data
    packed = compressed(inflated(rng, data))
    if rng.random() < 0.2:
        at = rng.randrange(len(packed))
        return packed[:at] + rng.randbytes(rng.randrange(3)) + packed[at + 1 :]
    return packed


def _imported(data: bytes) -> bool:
    source: Any = BytesIO(data)
    with BufferedReader(source) as file:
        reader = Reader(lines_in(file), Standing(0, "", holds_records=False), LOG_SCHEMA, archived=False)
        position = 0
        try:
            for batch in reader.batches():
                promise(len(batch.records) == len(batch.origins), "each record has an origin, or none")
                for one in batch.records:
                    position += 1
                    promise(one.position == position, "positions have no gap")
                promise(record_of(line_of(batch.records[-1])) == batch.records[-1], "a record comes back from its line")
        except NotImportedError:
            return False
    return True


TARGETS: Final = (
    Target(
        name="imports",
        about="exported files, plain and compressed, as log import reads them",
        samples=(LINES, LINES[: len(LINES) // 2], LINES * 2),
        finish=_finished,
        check=_imported,
        metered=lambda data: data.startswith(ZSTD_MAGIC),
        calls_max=500_000,
        bytes_max=40 * MIB,
        weight=2,
    ),
)
