import errno
import os
import re
from pathlib import Path

import pytest
from parkstream_summary_api import summary_file as module
from parkstream_summary_api.summary_file import (
    BrokenFileError,
    DiskFullError,
    FileChangedError,
    FileInUseError,
    Journal,
    JournalError,
)

LINE = b'{"visit_id":"exit:1"}\n'


@pytest.fixture
def file(tmp_path):
    return tmp_path / "summaries.jsonl"


@pytest.fixture
def journal(file):
    opened = Journal(file)
    opened.open()
    yield opened
    opened.close()


def test_lines_are_appended_one_after_the_other(journal, file):
    journal.append(LINE)
    journal.append(LINE * 2)
    assert file.read_bytes() == LINE * 3
    assert journal.end == 3 * len(LINE)


def test_a_file_is_opened_where_it_ends(journal, file):
    journal.append(LINE)
    journal.close()
    again = Journal(file)
    again.open()
    again.append(LINE)
    again.close()
    assert file.read_bytes() == LINE * 2


@pytest.mark.parametrize("length", range(len(LINE)))
def test_a_line_torn_anywhere_is_cut_off(file, length):
    file.write_bytes(LINE + LINE[:length])
    journal = Journal(file)
    journal.open()
    journal.close()
    assert file.read_bytes() == LINE
    assert journal.torn_bytes == length


def test_a_torn_line_longer_than_a_block_is_cut_off(file):
    file.write_bytes(LINE + b"{" * 200_000)
    journal = Journal(file)
    journal.open()
    journal.close()
    assert file.read_bytes() == LINE


def test_what_is_no_summary_file_is_not_touched(file):
    file.write_bytes(b"#!/bin/sh")
    with pytest.raises(JournalError, match="nothing was changed"):
        Journal(file).open()
    assert file.read_bytes() == b"#!/bin/sh"


def test_one_process_writes(journal, file):
    with pytest.raises(FileInUseError, match="another process"):
        Journal(file).open()


def test_opening_twice_is_opening_once(journal):
    journal.append(LINE)
    journal.open()
    assert journal.end == len(LINE)


def test_lines_are_found_by_their_offset_and_by_their_end(journal):
    long = b"x" * 150_000 + b"\n"
    journal.append(LINE + long + LINE)
    assert journal.line_at(0) == LINE[:-1]
    assert journal.line_at(len(LINE)) == long[:-1]
    assert journal.line_before(len(LINE)) == LINE[:-1]
    assert journal.line_before(len(LINE) + len(long)) == long[:-1]
    assert journal.line_before(3) == b""
    assert journal.line_before(0) == b""
    assert journal.line_before(10**9) == b""


def test_a_short_write_is_cut_back(journal, file, monkeypatch):
    journal.append(LINE)
    real = os.pwrite

    def half(handle, content, offset):
        if offset > len(LINE):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(handle, content[:5], offset)

    monkeypatch.setattr(os, "pwrite", half)
    with pytest.raises(DiskFullError, match="no room"):
        journal.append(LINE)
    monkeypatch.undo()
    assert file.read_bytes() == LINE
    journal.append(LINE)
    assert file.read_bytes() == LINE * 2


def test_a_write_that_comes_in_parts_is_finished(journal, file, monkeypatch):
    real = os.pwrite
    monkeypatch.setattr(os, "pwrite", lambda handle, content, offset: real(handle, content[:3], offset))
    journal.append(LINE)
    assert file.read_bytes() == LINE


@pytest.mark.parametrize("failing", ["pwrite", "ftruncate"])
def test_other_errors_end_it(journal, monkeypatch, failing):
    def fail(*_):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "pwrite", fail)
    if failing == "ftruncate":
        monkeypatch.setattr(os, "ftruncate", fail)
    with pytest.raises(BrokenFileError):
        journal.append(LINE)


def test_a_failed_fsync_ends_it(journal, monkeypatch):
    def fail(_):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(module, "bring_to_disk", fail)
    with pytest.raises(BrokenFileError, match="could not be brought to disk"):
        journal.append(LINE)
    assert journal.end == 0


def grow(file):
    with file.open("ab") as lines:
        lines.write(LINE)


def edit_in_place(file):
    with file.open("r+b") as lines:
        lines.write(b"[")


def replace(file):
    content = file.read_bytes()
    file.rename(file.with_suffix(".1"))
    file.write_bytes(content)


MEDDLES = {
    "deleted": Path.unlink,
    "moved away": lambda file: file.rename(file.with_suffix(".1")),
    "replaced": replace,
    "bytes long": grow,
    "0 bytes long": lambda file: os.truncate(file, 0),
    "26 bytes long": lambda file: os.truncate(file, len(LINE) + 4),
    "written to by somebody else": edit_in_place,
}


@pytest.mark.parametrize("meddle", MEDDLES)
def test_nothing_is_written_to_a_file_that_somebody_meddles_with(journal, file, meddle):
    journal.append(LINE)
    journal.append(LINE)
    journal.check()
    assert not journal.is_changed
    MEDDLES[meddle](file)
    before = file.read_bytes() if file.exists() else None
    with pytest.raises(FileChangedError, match=meddle):
        journal.append(LINE)
    with pytest.raises(FileChangedError, match="restart summary-api"):
        journal.check()
    assert journal.is_changed
    assert (file.read_bytes() if file.exists() else None) == before


def test_a_file_that_is_moved_back_is_the_file_again(journal, file):
    journal.append(LINE)
    file.rename(file.with_suffix(".1"))
    assert journal.is_changed
    file.with_suffix(".1").rename(file)
    journal.append(LINE)
    assert file.read_bytes() == LINE * 2


def test_what_was_deleted_can_still_be_copied(journal, file):
    journal.append(LINE)
    file.unlink()
    with pytest.raises(FileChangedError) as error:
        journal.check()
    kept = re.search(r"/proc/\S+", str(error.value))
    assert kept is not None
    assert Path(kept[0]).read_bytes() == LINE


def test_what_was_cut_is_not_read_as_if_it_were_there(journal, file):
    journal.append(LINE * 3)
    os.truncate(file, len(LINE))
    with pytest.raises(FileChangedError, match="was cut"):
        journal.read(0, 3 * len(LINE))
    with pytest.raises(FileChangedError, match="was cut"):
        journal.line_at(len(LINE))


def test_opening_writes_the_end_once_more(file, monkeypatch):
    file.write_bytes(LINE * 3)
    written = []
    real = os.pwrite
    monkeypatch.setattr(os, "pwrite", lambda handle, content, at: written.append(at) or real(handle, content, at))
    monkeypatch.setattr(module, "APPEND_BYTES_MAX", len(LINE))
    journal = Journal(file)
    journal.open()
    journal.close()
    assert written == [2 * len(LINE)]
    assert file.read_bytes() == LINE * 3
