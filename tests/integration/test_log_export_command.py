"""``parkstream log export``: to a file, a pipe or Parquet; whole, or not at all."""

import sys
from pathlib import Path

import msgspec
import pyarrow.parquet
import pytest
import zstandard
from command import Command
from eventlog_stores import NewLog
from parkstream_eventlog.transfer import parquet
from parkstream_eventlog.transfer.json_lines import line_of, record_of
from parkstream_events.keys import BackendKeys
from parkstream_events.log_schema import LOG_SCHEMA
from parkstream_service.redis import connect
from projections import HOUR, day_of_traffic, now_us


@pytest.fixture
async def records(redis_url, mall):
    async with connect(redis_url) as redis:
        log = NewLog(redis, BackendKeys(mall), LOG_SCHEMA)
        await log.append(day_of_traffic(50, now_us() - HOUR))
        await log.decide("news.v1", "bytes", b"\xff", unless_after=None)
        return await log.read(0, 1_000)


@pytest.fixture
def command(redis_url, mall, tmp_path, monkeypatch) -> Command:
    """The command for this mall, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return Command(redis_url, mall)


def test_a_range_goes_to_the_standard_output_and_what_is_said_does_not(command, records):
    ended = command.run("log", "export", "-", "--from", "3", "--to", "5", "--json")
    log_id = msgspec.json.decode(ended.stderr)["log_id"]
    assert ended.stdout == b"".join((line_of(records[2], log_id), *map(line_of, records[3:5])))
    assert b'"records":3' in ended.stderr


def test_a_compressed_export_is_imported_from_a_pipe(command, records, mall, redis_url, tmp_path):
    file = tmp_path / "log.jsonl.zst"
    assert command.json("log", "export", str(file))["records"] == len(records)
    lines = zstandard.ZstdDecompressor().stream_reader(file.read_bytes()).read()
    assert [record_of(line) for line in lines.splitlines()] == records
    other = Command(redis_url, f"{mall}-other")
    ended = other.run("log", "import", "-", given=file.read_bytes())
    assert ended.stdout.startswith(f"imported {len(records)} records".encode()), ended.stderr
    assert other.run("log", "export", "-").stdout == lines


def test_parquet_has_the_records_as_columns(command, records, tmp_path):
    file = tmp_path / "log.parquet"
    exported = command.json("log", "export", str(file), "--format", "parquet")
    table = pyarrow.parquet.read_table(file)
    assert table.schema.metadata == {b"log_id": exported["log_id"].encode()}
    assert [tuple(row.values()) for row in table.to_pylist()] == [tuple(record) for record in records]


def test_parquet_is_written_in_row_groups(records, tmp_path, monkeypatch):
    monkeypatch.setattr(parquet, "ROW_GROUP", 30)
    with (tmp_path / "log.parquet").open("wb") as file, parquet.ParquetSink(file, "log") as sink:
        for start in range(0, len(records), 10):
            sink.write(records[start : start + 10])
    groups = pyarrow.parquet.ParquetFile(tmp_path / "log.parquet").metadata
    sizes = [groups.row_group(nth).num_rows for nth in range(groups.num_row_groups)]
    assert sizes[:-1] == [30] * (len(sizes) - 1)
    assert sum(sizes) == len(records)


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("nowhere/log.jsonl",), 1, "cannot be written"),
        (("log.zst", "--format", "parquet"), 2, "does not end in .zst"),
        (("-", "--format", "parquet"), 2, "a file of its own"),
        (("log.jsonl", "--from", "1000"), 2, "the log ends at position"),
    ],
)
@pytest.mark.usefixtures("records")
def test_what_cannot_be_exported_says_why_and_leaves_no_file(command, words, code, says):
    ended = command.run("log", "export", *words)
    assert (ended.returncode, ended.stdout) == (code, b"")
    assert says in ended.stderr.decode()
    assert list(Path().iterdir()) == []


async def test_a_log_whose_beginning_is_gone_says_from_where_it_can_be_exported(
    command, records, redis_url, mall, tmp_path
):
    keys = BackendKeys(mall)
    async with connect(redis_url) as redis:
        await redis.xtrim(keys.log, minid="4-0", approximate=False)
        await redis.hset(keys.log_meta, "archived_through", 3)
    ended = command.run("log", "export", str(tmp_path / "log.jsonl"))
    assert ended.returncode == 1
    assert "positions 1 to 3 are not in the log" in ended.stderr.decode()
    assert "--from 4" in ended.stderr.decode()
    assert list(tmp_path.iterdir()) == []


def test_without_pyarrow_parquet_says_how_to_get_it(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with (tmp_path / "log.parquet").open("wb") as file, pytest.raises(ImportError, match="pip install pyarrow"):
        parquet.ParquetSink(file, "log")


def test_import_names_what_is_wrong(command, tmp_path):
    ended = command.run("log", "import", str(tmp_path / "nothing"))
    assert ended.returncode == 1
    assert "is no file" in ended.stderr.decode()
    (tmp_path / "log.jsonl").write_bytes(b"torn\n")
    ended = command.run("log", "import", str(tmp_path / "log.jsonl"))
    assert ended.returncode == 1
    assert ended.stderr.decode().startswith("error: line 1: no record")
