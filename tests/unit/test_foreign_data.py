"""Whoever made what we read does not decide how much memory that needs: each reader, attacked for real."""

import asyncio
import io
import json
import re
from collections.abc import Callable, Iterable, Iterator
from hashlib import sha256
from itertools import chain, repeat
from pathlib import Path
from typing import Any

import pytest
import zstandard
from archives import archive_of
from parkstream_cli.written_pairs import pairs_in_file
from parkstream_devtools.faults import Answer, Api
from parkstream_eventlog.archive import Archive, CorruptArchiveError, defects_of, manifest
from parkstream_eventlog.transfer.importer import NotImportedError, Reader, Standing
from parkstream_eventlog.transfer.line_files import lines_in
from parkstream_events import marks
from parkstream_events.log_schema import LOG_SCHEMA
from parkstream_projection.backup import manifest as backups
from parkstream_projection.backup.errors import BackupError
from parkstream_provision.api import Api as SigNoz
from parkstream_provision.errors import ProvisionError
from parkstream_service.client import ServiceClient
from parkstream_service.settings.sources import text_of
from parkstream_service.unreachable import UnreachableError
from parkstream_summary_api.file_log import FileLog
from parkstream_summary_api.summary_file import Journal, JournalError
from parkstream_telemetry.kept_spans import NotSpansError, kept_spans

MIB = 1 << 20
MUCH = 128 * MIB
COSTS_MAX = 64 * MIB
"""Of memory: far less than what is read."""
DEEP = b"[" * 100_000
WINDOW = zstandard.MAGIC_NUMBER.to_bytes(4, "little") + bytes([0, 17 << 3]) + b"\x11\0\0a\n"
"""Two bytes that say that 128 MiB before them are needed."""
RECORD = b'{"position":%d,"type":"t","id":"i%d","recorded_at_us":1,"body":"%s"}\n'


def most_bytes() -> int:
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found is not None
    return int(found[1]) * 1024


@pytest.fixture(autouse=True)
def next_to_nothing() -> Iterator[None]:
    Path("/proc/self/clear_refs").write_text("5")  # The most is what is there now.
    before = most_bytes()
    yield
    assert most_bytes() - before < COSTS_MAX


def compressed(parts: Iterable[bytes]) -> bytes:
    frame = zstandard.ZstdCompressor(level=1).compressobj()
    return b"".join(map(frame.compress, parts)) + frame.flush()


def cut_off(parts: Iterable[bytes]) -> bytes:
    frame = zstandard.ZstdCompressor().compressobj()
    return b"".join(frame.compress(part) + frame.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK) for part in parts)


def endless() -> Iterator[bytes]:
    return repeat(b"a" * MIB, MUCH // MIB)


def sparse(path: Path) -> Path:
    with path.open("wb") as file:
        file.truncate(MUCH)
    return path


def frames(count: int) -> bytes:
    return zstandard.ZstdCompressor().compress(b"") * count


def big_records() -> Iterator[bytes]:
    return (RECORD % (nth, nth, b"a" * 1_000_000) for nth in range(1, 129))


IMPORTS: dict[str, tuple[Callable[[], bytes], str]] = {
    "a line without end": (lambda: compressed(endless()), "line 1: a line is longer than"),
    "lines without end": (lambda: compressed([b"\n" * MIB]), "line 1: no record"),
    "many frames": (lambda: frames(100_000) + b"x", "cannot be decompressed"),
    "a huge window": (lambda: WINDOW, "requires too much memory"),
    "another format": (lambda: frames(1) + b"\x1f\x8b", "cannot be decompressed"),
    "cut off": (lambda: compressed([RECORD % (1, 1, b"abc")])[:-8], "line 1: it cannot be decompressed, .* cut off"),
    "cut off between blocks": (
        lambda: cut_off([RECORD % (1, 1, b"abc"), b"more"]),
        "it cannot be decompressed, .* cut off",
    ),
    "deep": (lambda: b'{"position":' + DEEP, "line 1: no record"),
    "deep, compressed": (lambda: compressed([b'{"body":' + DEEP]), "line 1: no record"),
    "no UTF-8": (lambda: b'{"position":1,"type":"\xff"}', "line 1: no record"),
    "a skippable frame first": (lambda: b"\x50\x2a\x4d\x18\x04\0\0\0abcd" + frames(1), "line 1: no record"),
    "long lines that are records": (
        lambda: compressed(chain(big_records(), [b"the end"])),
        "line 129: no record.*Nothing from line 129 on",
    ),
}


def imported(content: Any) -> int:
    with io.BufferedReader(content) as file:
        reader = Reader(lines_in(file), Standing(0, "", False), LOG_SCHEMA, archived=False)
        return sum(len(batch.records) for batch in reader.batches())


@pytest.mark.parametrize("attack", IMPORTS)
def test_an_import_is_refused_with_the_line(attack: str):
    made, why = IMPORTS[attack]
    with pytest.raises(NotImportedError, match=why):
        imported(io.BytesIO(made()))


def test_an_import_of_a_file_that_is_one_line_is_refused(tmp_path):
    with (
        sparse(tmp_path / "log").open("rb", 0) as file,
        pytest.raises(NotImportedError, match="line 1: a line is longer"),
    ):
        imported(file)


def test_frames_of_nothing_hide_no_record():
    more = frames(1) + b"\x50\x2a\x4d\x18\x04\0\0\0abcd"
    content = b"".join(compressed([RECORD % (nth, nth, b"")]) + more for nth in (1, 2))
    assert imported(io.BytesIO(content)) == 2


@pytest.mark.parametrize("content", [DEEP, b'{"x":' + DEEP, b'{"log":"\xff"}', None])
def test_a_manifest_is_corrupt(tmp_path, content):
    path = tmp_path / manifest.NAME
    sparse(path) if content is None else path.write_bytes(content)
    with pytest.raises(CorruptArchiveError, match="is no manifest"):
        Archive(tmp_path)


def test_what_cannot_be_read_is_a_corrupt_archive(tmp_path):
    (tmp_path / manifest.NAME).mkdir()
    with pytest.raises(CorruptArchiveError, match="cannot be read"):
        Archive(tmp_path)


SEGMENTS: dict[str, tuple[Callable[[Path], Any], str]] = {
    "long": (sparse, "cannot be decompressed"),
    "a line without end": (lambda path: path.write_bytes(compressed(endless())), "a line is longer than"),
    "a huge window": (lambda path: path.write_bytes(WINDOW), "too much memory"),
    "deep": (lambda path: path.write_bytes(compressed([b'{"body":' + DEEP + b"\n"])), "no record"),
}


@pytest.mark.parametrize("attack", SEGMENTS)
def test_a_segment_is_corrupt_though_its_manifest_vouches_for_it(tmp_path, attack):
    make, why = SEGMENTS[attack]
    archive_of(tmp_path, 5)
    listed = json.loads((tmp_path / manifest.NAME).read_text())
    segment = listed["segments"][0]
    make(tmp_path / segment["name"])
    digest = sha256()
    with (tmp_path / segment["name"]).open("rb") as file:
        while part := file.read(MIB):
            digest.update(part)
    size = (tmp_path / segment["name"]).stat().st_size
    (tmp_path / manifest.NAME).write_text(
        json.dumps(listed | {"segments": [segment | {"bytes": size, "sha256": digest.hexdigest()}]})
    )
    assert [why in str(defect) for defect in defects_of(Archive(tmp_path))] == [True]


def backup_of(*names: str) -> bytes:
    part = {"bytes": 1, "sha256": ""}
    told = {"mall": "m", "taken_at": "2026-01-01T00:00:00Z", "log_id": None, "position": 1, "archived_through": 0}
    redis = {"redis_version": "8", "redis_dir": "/", "parts": [part | {"name": name} for name in names]}
    return json.dumps(told | redis).encode()


@pytest.mark.parametrize(
    ("content", "why"),
    [
        *((content, "no manifest of a backup") for content in (DEEP, b'{"x":' + DEEP, None)),
        *(
            (backup_of(name), "which no backup has")
            for name in ("", "/etc/passwd", "redis", "redis/a", "redis//b", "redis/../b", "archive/..", "archive/a/b")
        ),
    ],
)
def test_a_backup_is_refused(tmp_path, content, why):
    path = tmp_path / backups.NAME
    sparse(path) if content is None else path.write_bytes(content)
    with pytest.raises(BackupError, match=why):
        backups.load(tmp_path)


@pytest.mark.parametrize("content", [DEEP + b"\n", b'{"resourceSpans":' + DEEP + b"\n", b'{"name":"\xff"}\n', None])
def test_kept_spans_are_refused(tmp_path, content):
    path = tmp_path / "spans.jsonl"
    sparse(path) if content is None else path.write_bytes(content)
    with pytest.raises(NotSpansError, match="holds something else than spans"):
        list(kept_spans(path))


def test_a_long_line_of_the_summary_file_is_passed(tmp_path):
    line = b'{"visit_id":"%s","revision":1}\n'
    with (path := tmp_path / "summaries").open("wb") as file:
        file.write(line % b"a" + DEEP + b"\n")
        file.seek(MUCH)
        file.write(b"\n" + line % b"b")

    async def pairs() -> list[Any]:
        return [pair async for some in pairs_in_file(path) for pair in some]

    assert asyncio.run(pairs()) == [("a", 1), ("b", 1)]


def test_small_files_are_small(tmp_path):
    with pytest.raises(ValueError, match="too long"):
        text_of("X", {"X_FILE": "/dev/zero"})
    path = tmp_path / "summaries.jsonl"
    for content in (DEEP, b"\xff", None):
        named = path.with_name(path.name + ".log.json")
        sparse(named) if content is None else named.write_bytes(content)
        with pytest.raises(JournalError, match="does not say which log"):
            FileLog(Journal(path)).open()
    for body in (DEEP, b'{"mall":"\xff"}', b'{"x":' + DEEP):
        with pytest.raises(marks.MarkError, match="no mark"):
            marks.decode(body)


JSON = {"Content-Type": "application/json"}
ANSWERS = {
    "endless": Answer(headers=JSON, body=b"[" + b" " * (40 * MIB)),
    "compressed": Answer(headers={**JSON, "Content-Encoding": "gzip"}, body=b"\x1f\x8b\x08" + bytes(100)),
    "deep": Answer(headers=JSON, body=DEEP),
    "deep, of an error": Answer(status=500, headers=JSON, body=DEEP),
    "no UTF-8": Answer(headers=JSON, body=b'{"checks":{"\xff":{}}}'),
    "a redirect": Answer(status=307, headers={"Location": "http://127.0.0.1:9/"}, body=b"{}"),
}


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=list(ANSWERS))
def test_an_answer_is_none_of_ours(answer: Answer):
    async def asked(url: str) -> None:
        async with ServiceClient("token") as client:
            with pytest.raises(UnreachableError):
                await client.get(f"{url}/v1/stats", dict[str, Any])
            with pytest.raises(UnreachableError):
                await client.problems(url)

    with Api(answer) as api:
        asyncio.run(asked(api.url))
        signoz = SigNoz(api.url)
        with pytest.raises(ProvisionError):
            signoz.get("/api/v1/version")
        signoz.close()
        assert len(api.requests) == 3
