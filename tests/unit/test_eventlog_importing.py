"""What an import refuses, and where it goes on."""

import asyncio
import io
import tracemalloc

import pytest
import zstandard
from parkstream_eventlog import Candidate, Duplicate, Latest, MemoryLog, Record
from parkstream_eventlog.transfer.importer import BATCH_MAX, NotImportedError, Reader, Standing, import_lines
from parkstream_eventlog.transfer.json_lines import LINE_BYTES_MAX, line_of, record_of
from parkstream_eventlog.transfer.line_files import lines_in
from parkstream_eventlog.transfer.memory_import import MemoryImport
from parkstream_events import wire
from parkstream_events.log_schema import LOG_SCHEMA
from parkstream_events.sightings import VehicleEntered, VehicleExited, moment_of

NOW = 1_790_000_000_000_000


def record(position, id_=None, at=None, type_="news.v1", body=b"{}"):
    recorded_at_us = NOW - 10_000 + position if at is None else at
    return Record(position, type_, id_ or f"id-{position}", body, recorded_at_us, None, None)


def lines(first, last, **more):
    return [line_of(record(position, **more)) for position in range(first, last + 1)]


class Into:
    """A log that is imported into."""

    def __init__(self):
        self.log = MemoryLog(LOG_SCHEMA, lambda: NOW)
        self.target = MemoryImport(self.log)

    def of(self, given, **more):
        return asyncio.run(import_lines(given, self.target, **more))

    @property
    def state(self):
        return asyncio.run(self.log.state())


def refused(given, match, **more):
    into = Into()
    with pytest.raises(NotImportedError, match=match):
        into.of(given, **more)
    return into


def test_nothing_makes_nothing():
    assert Into().of([]).position == 0


def test_positions_times_and_the_last_of_each_direction_are_as_they_were():
    into = Into()
    came, left = (wire.encode(kind("id", "A1", moment_of(NOW))) for kind in (VehicleEntered, VehicleExited))
    sightings = [*lines(1, 1, type_=wire.ENTERED, body=came), *lines(2, 2, type_=wire.EXITED, body=left)]
    into.of([*sightings, *lines(3, 4)])
    state = into.state
    assert (state.position, state.archived_through, state.length) == (4, 0, 4)
    assert state.latest == {"entry": Latest(1, NOW - 10_000 + 1), "exit": Latest(2, NOW - 10_000 + 2)}
    assert state.recorded_at_us == NOW - 10_000 + 4


@pytest.mark.parametrize(
    ("third", "match"),
    [
        (b"torn", "line 3: no record"),
        (line_of(record(4)), "line 3: position 3 comes next, not 4"),
        (line_of(record(3), "other"), "line 3: it is of the log other, the lines above name no log"),
        (line_of(record(3, at=5)), "line 3: it was recorded before the record of the line above"),
        (line_of(record(3, id_="id-2")), "line 3: its id is that of position 2"),
        (line_of(record(3, at=NOW + 1)), "line 3: it was recorded in the future"),
    ],
)
def test_a_wrong_line_is_named_and_nothing_of_its_batch_is_written(third, match):
    assert refused([*lines(1, 2), third], match).state.position == 0


def of_file(content):
    return lines_in(io.BufferedReader(io.BytesIO(content)))


def test_lines_of_a_file_are_read_compressed_or_not():
    content = b"".join(lines(1, 3))
    for given in (content, zstandard.compress(content), content[:-1]):
        assert [record_of(line) for line in of_file(given)] == [record(position) for position in (1, 2, 3)]


@pytest.mark.parametrize("packed", [bytes, zstandard.compress])
def test_a_line_that_does_not_end_is_refused_before_it_is_kept(packed):
    content = packed(b"".join(lines(1, 2)) + b"x" * (16 * LINE_BYTES_MAX))
    tracemalloc.start()
    try:
        refused(of_file(content), "line 3: a line is longer than 1,048,576 bytes")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 4 * LINE_BYTES_MAX


EMPTY_FRAME = b"\x28\xb5\x2f\xfd\x00%c\x01\x00\x00"
"""With a window of 1 KiB times two to the power of an eighth of the byte."""


def test_a_frame_may_not_ask_for_more_memory_than_zstd_does_by_default():
    assert list(of_file(EMPTY_FRAME % 0x68)) == []
    refused(of_file(EMPTY_FRAME % 0x88), "line 1: it cannot be decompressed, .*memory")


def test_a_compressed_file_that_is_torn_or_cut_off_is_refused():
    packed = zstandard.compress(b"".join(lines(1, 3)))
    refused(of_file(packed[:-8] + b"\xff" * 8), r"line \d: it cannot be decompressed")
    for end in range(5, len(packed)):
        refused(of_file(packed[:end]), r"line \d: .*was cut off")
    assert list(of_file(packed + packed)) == [*lines(1, 3), *lines(1, 3)]


def test_a_batch_is_never_larger_than_a_few_lines_may_be():
    large = [line_of(record(position, body=b"x" * (LINE_BYTES_MAX // 2))) for position in range(1, 8)]
    reader = Reader(large, Standing(0, "", holds_records=False), LOG_SCHEMA, archived=False)
    assert [len(batch.records) for batch in reader.batches()] == [2, 2, 2, 1]
    into = refused([*large[:4], b"torn"], "line 5: .*Nothing from line 5 on")
    assert into.of(large).position == 7


def test_exports_of_two_logs_are_not_one_log():
    given = [line_of(record(1), "log-1"), line_of(record(2), "log-1"), line_of(record(3), "log-2")]
    refused(given, "line 3: it is of the log log-2, the lines above are of log-1")
    assert Into().of(given[:2]).position == 2


def test_a_log_that_begins_later_is_imported_only_when_that_is_meant():
    refused(lines(5, 6), "line 1: the file begins with position 5, not with 1: allow it with --archived")
    into = Into()
    into.of(lines(5, 6), archived=True)
    assert (into.state.position, into.state.archived_through, into.state.length) == (6, 4, 2)


def test_only_an_empty_log_is_imported_into():
    into = Into()
    into.of(lines(1, 2))
    with pytest.raises(NotImportedError, match=r"the log is not empty, it ends at position 2"):
        into.of(lines(1, 2))


def test_after_the_line_is_mended_the_same_file_goes_on_behind_the_last_batch():
    good = lines(1, 2 * BATCH_MAX + 10)
    bad = [*good[: BATCH_MAX + 3], b"torn", *good[BATCH_MAX + 4 :]]
    into = refused(bad, f"line {BATCH_MAX + 4}.*Nothing from line {BATCH_MAX + 1} on was imported")
    assert into.state.position == BATCH_MAX
    assert into.of(good).position == len(good)
    assert asyncio.run(into.log.read(0, 2_000)) == [record(position) for position in range(1, len(good) + 1)]


@pytest.mark.parametrize("change", [lambda good: good[:100], lambda good: [lines(1, 1, id_="other")[0], *good[1:]]])
def test_another_file_never_goes_on(change):
    good = lines(1, BATCH_MAX + 10)
    into = refused([*good[: BATCH_MAX + 1], b"torn"], "torn|no record")
    with pytest.raises(NotImportedError, match="the log holds an import of another file"):
        into.of(change(good))
    assert into.state.position == BATCH_MAX


def test_an_import_that_was_complete_but_for_its_end_ends():
    good = lines(1, BATCH_MAX)
    into = refused([*good, b"torn"], "no record")
    assert into.of(good).mark == ""


def test_a_log_that_somebody_writes_to_is_left_alone():
    into = refused([*lines(1, BATCH_MAX), b"torn"], "no record")
    asyncio.run(into.log.append([Candidate(wire.ENTERED, "live", b"{}", NOW, "entry")]))
    with pytest.raises(NotImportedError, match="was written to"):
        into.of(lines(1, 2 * BATCH_MAX))
    assert into.state.position == BATCH_MAX + 1


def test_what_was_imported_is_a_duplicate():
    into = Into()
    body = wire.encode(VehicleEntered("id-2", "A1", moment_of(NOW - 5)))
    into.of([*lines(1, 1), *lines(2, 3, type_=wire.ENTERED, body=body)])
    again = asyncio.run(into.log.append([Candidate(wire.ENTERED, "id-2", body, NOW - 5, "entry")]))
    assert again == [Duplicate(2)]
