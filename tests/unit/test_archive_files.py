"""What an archive is made of: read as it was written, and refused when it is not what was written."""

import json
import os
import subprocess
import sys
from contextlib import nullcontext
from hashlib import sha256

import pytest
import zstandard
from archives import LOG_ID, archive_of, files_in, named_in, record, records
from parkstream_eventlog.archive import (
    Archive,
    BusyArchiveError,
    CorruptArchiveError,
    NotArchivedError,
    OtherArchiveError,
    OtherLogArchiveError,
    defects_of,
)
from parkstream_eventlog.archive import segments as segments_module
from parkstream_eventlog.archive.durable import WRITING, alone_in, replacing
from parkstream_eventlog.log import LogState
from parkstream_eventlog.transfer.json_lines import LINE_BYTES_MAX


def test_everything_comes_back_in_any_portions(tmp_path, monkeypatch):
    monkeypatch.setattr(segments_module, "CHUNK_BYTES", 100)
    archive = archive_of(tmp_path, 40, 41, 100)
    assert (archive.first, archive.through) == (1, 100)
    for count in (1, 7, 39, 41, 1000):
        found = []
        while part := archive.read(len(found), count):
            assert len(part) == min(count, 100 - len(found))
            found += part
        assert found == records(1, 100)


def test_one_may_read_from_anywhere_in_any_order(tmp_path, monkeypatch):
    monkeypatch.setattr(segments_module, "CHUNK_BYTES", 100)
    archive = archive_of(tmp_path, 40, 41, 100)
    for after in (99, 0, 39, 40, 41, 60, 50, 98, 97):
        assert archive.read(after, 2) == records(after + 1, min(after + 2, 100))


def test_reading_on_opens_no_segment_twice(tmp_path, monkeypatch):
    archive = archive_of(tmp_path, 50, 100)
    opened = []
    content_of = segments_module.content_of
    monkeypatch.setattr(
        segments_module, "content_of", lambda path, segment: opened.append(path.name) or content_of(path, segment)
    )
    for after in range(100):
        archive.read(after, 1)
    assert opened == [segment.name for segment in archive.manifest.segments]


def test_a_line_longer_than_a_chunk_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(segments_module, "CHUNK_BYTES", 10)
    assert archive_of(tmp_path, 5).read(0, 10) == records(1, 5)


def test_a_segment_is_json_lines_that_any_tool_can_read(tmp_path):
    archive = archive_of(tmp_path, 3, 8)
    for segment in archive.manifest.segments:
        content = (tmp_path / segment.name).read_bytes()
        assert sha256(content).hexdigest() == segment.sha256
        lines = zstandard.ZstdDecompressor().stream_reader(content).read().splitlines()
        assert [json.loads(line)["position"] for line in lines] == list(range(segment.first, segment.last + 1))
    assert json.loads((tmp_path / "manifest.json").read_bytes())["segments"][1]["previous"] == (
        archive.manifest.segments[0].sha256
    )


def test_an_archive_that_is_not_there_yet_is_empty(tmp_path):
    archive = Archive(tmp_path / "none", "mall")
    assert (archive.first, archive.through, archive.read(0, 10), list(defects_of(archive))) == (0, 0, [], [])
    archive_of(tmp_path, 3)
    assert archive.through == 0


def test_what_was_before_the_archive_is_not_in_it(tmp_path):
    archive = archive_of(tmp_path, 20, first=11)
    with pytest.raises(NotArchivedError, match="position 10 is not in the log, which begins at 11"):
        archive.read(9, 1)
    assert archive.read(10, 1) == [record(11)]
    assert archive.read(20, 1) == []


def change(content: bytes) -> bytes:
    return content[:-5] + bytes([content[-5] ^ 1]) + content[-4:]


@pytest.mark.parametrize(
    ("damage", "problem"),
    [
        (lambda path: path.write_bytes(change(path.read_bytes())), "has the sha256 .* instead of"),
        (lambda path: path.write_bytes(path.read_bytes()[:-1]), "has .* bytes instead of"),
        (lambda path: path.unlink(), "is missing"),
    ],
)
def test_a_damaged_segment_is_found_exactly_and_nothing_of_it_is_read(tmp_path, damage, problem):
    archive = archive_of(tmp_path, 3, 6, 9)
    damaged = tmp_path / archive.manifest.segments[1].name
    damage(damaged)
    (defect,) = defects_of(archive)
    assert defect.file == damaged
    for fails in (lambda: archive.read(2, 5), lambda: archive.read(5, 1)):
        with pytest.raises(CorruptArchiveError, match=f"{damaged.name} {problem}.*: restore this file from a copy"):
            fails()
    assert archive.read(0, 3) + archive.read(6, 3) == records(1, 3) + records(7, 9)


def rewrite(folder, lines: bytes) -> Archive:
    """Let the only segment hold *lines*, and the manifest agree."""
    archive = archive_of(folder, 3)
    (segment,) = archive.manifest.segments
    content = zstandard.ZstdCompressor().compress(lines)
    (folder / segment.name).write_bytes(content)
    text = (folder / "manifest.json").read_text()
    text = text.replace(segment.sha256, sha256(content).hexdigest())
    (folder / "manifest.json").write_text(text.replace(f'"bytes": {segment.bytes}', f'"bytes": {len(content)}'))
    return Archive(folder)


LINE = '{{"position":{},"type":"t","id":"i","recorded_at_us":1,"body":""}}\n'


@pytest.mark.parametrize(
    ("positions", "problem"),
    [
        ([1, 2], "ends before position 3"),
        ([1, 3, 4], "has position 3 where 2 comes next"),
        ([1, 2, 3, 4], "goes on after position 3"),
        ([1, 2, 2], "has position 2 where 3 comes next"),
    ],
)
def test_records_that_are_not_those_of_the_manifest_are_found(tmp_path, positions, problem):
    archive = rewrite(tmp_path, "".join(map(LINE.format, positions)).encode())
    (defect,) = defects_of(archive)
    assert defect.problem == problem


def test_what_is_no_record_is_found(tmp_path):
    (defect,) = defects_of(rewrite(tmp_path, b"{}\n{}\n{}\n"))
    assert "from position 1: no record" in defect.problem


def test_a_line_that_does_not_end_is_not_kept_in_memory(tmp_path):
    (defect,) = defects_of(rewrite(tmp_path, b"x" * (4 * LINE_BYTES_MAX)))
    assert "from position 1: a line is longer than 1,048,576 bytes" in defect.problem


def test_a_manifest_that_is_nested_too_deep_is_none(tmp_path):
    (tmp_path / "manifest.json").write_bytes(b'{"later":' + b"[" * 60_000 + b"]" * 60_000 + b"}")
    with pytest.raises(CorruptArchiveError, match="is no manifest"):
        Archive(tmp_path)


def broken(folder, change):
    archive_of(folder, 3, 6, 9)
    manifest = json.loads((folder / "manifest.json").read_bytes())
    change(manifest)
    (folder / "manifest.json").write_text(json.dumps(manifest))


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda manifest: manifest["segments"].pop(1), "goes on at position 7 after 3"),
        (lambda manifest: manifest["segments"][1].update(sha256="0"), "follows another segment"),
        (lambda manifest: manifest["segments"][0].update(previous="0"), "follows another segment"),
        (lambda manifest: manifest["segments"][2].update(count=2), "holds 2 records from 7 to 9"),
        (lambda manifest: manifest["segments"][1].update(first=4, last=3, count=0), "has a segment from 4 to 3"),
        (lambda manifest: manifest["segments"][0].update(first=-2, count=6), "has a segment from -2 to 3"),
        (lambda manifest: manifest["segments"][1].update(name="../../secret"), r"calls the segment from 4 to 6 '\.\./"),
        (lambda manifest: manifest.update(version=2), "is no manifest"),
        (lambda manifest: manifest.pop("segments") and manifest.update(segments=1), "is no manifest"),
    ],
)
def test_a_manifest_that_does_not_add_up_is_refused(tmp_path, change, problem):
    broken(tmp_path, change)
    with pytest.raises(CorruptArchiveError, match=f"manifest.json .*{problem}"):
        Archive(tmp_path)


def test_the_archive_of_another_mall_is_refused(tmp_path):
    archive_of(tmp_path, 3, mall="other")
    with pytest.raises(OtherArchiveError, match="the archive of 'other', not of 'mall'"):
        Archive(tmp_path, "mall")
    assert Archive(tmp_path).through == 3


@pytest.mark.parametrize(
    ("log_id", "earlier_ids", "through", "of_it"),
    [
        (LOG_ID, {}, 3, True),
        ("another", {}, 0, False),
        ("", {}, 0, False),
        ("adopted", {LOG_ID: 3}, 3, True),
        ("adopted", {LOG_ID: 2}, 3, False),
        ("adopted", {LOG_ID: 2}, 2, True),
        ("adopted", {"another": 9}, 0, False),
    ],
)
def test_an_archive_is_that_of_its_log_and_of_one_that_was_adopted_from_it(
    tmp_path, log_id, earlier_ids, through, of_it
):
    state = LogState(log_id, 9, 0, 0, 0, 9, {}, earlier_ids)
    Archive(tmp_path / "empty").check_log(state, 0)
    archive = archive_of(tmp_path, 3)
    with (
        nullcontext() if of_it else pytest.raises(OtherLogArchiveError, match=f"the archive of the log {LOG_ID} up to")
    ):
        archive.check_log(state, through)


def test_an_archive_that_names_no_log_is_of_none(tmp_path):
    archive = archive_of(tmp_path, 3, log_id="")
    with pytest.raises(OtherLogArchiveError, match=r"without an id .* set PARKSTREAM_ARCHIVE_DIR"):
        archive.check_log(LogState("log", 9, 0, 0, 0, 9, {}, {}), 0)


def test_a_file_is_there_as_a_whole_or_as_it_was(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"before")
    with pytest.raises(ZeroDivisionError), replacing(path) as file:
        file.write(b"half" * (1 // 0))
    assert path.read_bytes() == b"before"
    with replacing(path) as file:
        file.write(b"after")
        assert path.read_bytes() == b"before"
    assert (path.read_bytes(), files_in(tmp_path)) == (b"after", {"file"})


def test_a_file_is_on_disk_before_it_has_its_name_and_its_name_before_anybody_goes_on(tmp_path, monkeypatch):
    done = []
    fsync, replace = os.fsync, os.replace
    monkeypatch.setattr(
        os, "fsync", lambda handle: done.append(os.path.realpath(f"/proc/self/fd/{handle}")) or fsync(handle)
    )
    monkeypatch.setattr(os, "replace", lambda *names: done.append("rename") or replace(*names))
    with replacing(tmp_path / "file") as file:
        file.write(b"all of it")
    assert done == [str(tmp_path / WRITING), "rename", str(tmp_path)]


def test_one_at_a_time_works_in_a_folder(tmp_path):
    hold = "import sys\nfrom pathlib import Path\nfrom parkstream_eventlog.archive.durable import alone_in\n"
    hold += f"with alone_in(Path({str(tmp_path)!r})):\n    print('held', flush=True)\n    sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", hold], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(BusyArchiveError, match="wait until it has ended"), alone_in(tmp_path):
            pass
        other.kill()
    with alone_in(tmp_path):
        assert files_in(tmp_path) == set()


def test_the_folder_holds_what_the_manifest_names_and_nothing_else(tmp_path):
    assert named_in(archive_of(tmp_path, 3, 6)) == files_in(tmp_path)
