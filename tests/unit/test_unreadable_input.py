"""What is no UTF-8, or is nested too deep, is unreadable as other nonsense is, whoever reads it."""

from contextlib import suppress

import msgspec
import pytest
from parkstream_events import marks
from parkstream_events.marks import MarkError
from parkstream_events.wire import UNREADABLE
from parkstream_projection.backup import manifest as backups
from parkstream_projection.backup.errors import BackupError
from parkstream_projection.verify.contents import content_of
from parkstream_service.access import CredentialsError
from parkstream_service.access.callers import read_callers
from parkstream_summary_api.file_lines import heading_of
from parkstream_summary_api.file_log import SUFFIX, FileLog
from parkstream_summary_api.reader import _readable
from parkstream_summary_api.summary_file import Journal, JournalError
from parkstream_telemetry.kept_spans import NotSpansError, kept_spans

DEEP = b'{"later":' + b"[" * 60_000 + b"]" * 60_000 + b"}"
UNREADABLE_BYTES = [b'{"mall":"\x82"}', b'{"log_id":"\xff","since_us":1}', DEEP, b"\xff"]


@pytest.fixture(params=UNREADABLE_BYTES, ids=["not-utf-8", "not-utf-8-either", "deep", "byte"])
def odd(request) -> bytes:
    return request.param


def test_msgspec_raises_nothing_else(odd):
    with suppress(*UNREADABLE):
        msgspec.json.decode(odd, type=dict[str, msgspec.Raw])


def test_it_is_no_mark(odd):
    with pytest.raises(MarkError):
        marks.decode(odd)


def test_it_is_no_backup(tmp_path, odd):
    (tmp_path / backups.NAME).write_bytes(odd)
    with pytest.raises(BackupError, match="is no manifest of a backup"):
        backups.load(tmp_path)


@pytest.mark.parametrize(
    "name",
    [
        *("", ".", "redis", "redis/", "redis/../x", "/redis/x", "elsewhere/x", "redis/a\0b"),
        *("redis/a/b\0", "archive/\0", "summaries/a\0b"),
    ],
)
def test_a_backup_names_files_in_its_rooms_only(tmp_path, name):
    part = backups.Part(name=name, bytes=0, sha256="")
    backup = backups.Manifest(
        mall="m",
        taken_at=msgspec.convert("2026-01-31T09:00:00Z", backups.datetime),
        log_id=None,
        position=0,
        archived_through=0,
        redis_version="7",
        redis_dir="/data",
        parts=(part,),
    )
    (tmp_path / backups.NAME).write_bytes(msgspec.json.encode(backup))
    with pytest.raises(BackupError, match="which no backup has"):
        backups.load(tmp_path)


def test_it_is_no_file_of_callers(tmp_path, odd):
    file = tmp_path / "credentials.json"
    file.write_bytes(odd)
    with pytest.raises(CredentialsError, match="is no file of callers"):
        read_callers(file)


def test_it_is_no_summary(odd):
    assert (heading_of(odd), _readable(odd), content_of(odd)) == (None, None, None)


def test_it_names_no_log_of_a_summary_file(tmp_path, odd):
    path = tmp_path / "summaries.jsonl"
    path.with_name(path.name + SUFFIX).write_bytes(odd)
    with pytest.raises(JournalError, match="does not say which log"):
        FileLog(Journal(path)).open()


def test_it_is_no_span(tmp_path, odd):
    file = tmp_path / "spans.jsonl"
    file.write_bytes(odd + b"\n")
    with pytest.raises(NotSpansError):
        list(kept_spans(file))
