"""The index beside a segment: it finds what is there and only that, and is made anew when it is not the segment's."""

import pytest
from archives import archive_of, record, records
from parkstream_eventlog.archive import Archive, ArchiveIndex
from parkstream_eventlog.archive import index as index_module
from parkstream_eventlog.archive.index import index_path, make_missing
from parkstream_eventlog.archive.segments import SegmentReader


def names(one):
    yield f"id:{one.id}"
    yield f"parity:{one.position % 2}"


@pytest.fixture
def segments_read(monkeypatch):
    """Names the segments that are read from their beginning to make an index."""
    read = []
    made = index_module.SegmentReader

    def reader(folder, segment):
        read.append(segment.last)
        return made(folder, segment)

    assert made is SegmentReader
    monkeypatch.setattr(index_module, "SegmentReader", reader)
    return read


def found(archive, *wanted, most=50):
    return [one.position for one in ArchiveIndex(archive, names).find(wanted, most).records]


def test_each_record_is_found_by_each_of_its_names_and_no_other_is(tmp_path, segments_read):
    archive = archive_of(tmp_path, 40, 41, 100)
    assert make_missing(archive, names) == 3
    segments_read.clear()
    index = ArchiveIndex(archive, names)
    for one in records(1, 100):
        assert index.find([f"id:{one.id}"], 50).records == [one]
    assert index.find(["id:none", "other:id-1"], 50).records == []
    assert [one.position for one in index.find(["parity:0"], 100).records] == list(range(100, 0, -2))
    assert segments_read == []


def test_the_newest_are_found_when_there_are_more_than_may_be(tmp_path):
    archive = archive_of(tmp_path, 40, 100)
    make_missing(archive, names)
    assert found(archive, "parity:1", most=3) == [99, 97, 95]
    assert found(archive, "id:id-7", "id:id-90") == [90, 7]


@pytest.mark.parametrize("damage", ["missing", "empty", "cut", "changed", "another"])
def test_what_is_not_the_segments_index_is_made_anew(tmp_path, segments_read, damage):
    archive = archive_of(tmp_path, 40, 100)
    make_missing(archive, names)
    first, second = (index_path(tmp_path, segment) for segment in archive.manifest.segments)
    content = first.read_bytes()
    match damage:
        case "missing":
            first.unlink()
        case "another":
            first.write_bytes(second.read_bytes())
        case _:
            kept = {"empty": b"", "cut": content[:-8], "changed": content[:-1] + bytes([content[-1] ^ 1])}
            first.write_bytes(kept[damage])
    segments_read.clear()
    index = ArchiveIndex(archive, names)
    assert index.find(["id:id-7"], 50).records == [record(7)]
    assert index.find(["id:id-8"], 50).records == [record(8)]
    assert segments_read == [40], "made once, in memory: whoever searches writes nothing"
    assert make_missing(archive, names) == 1
    assert first.read_bytes() == content


def test_a_search_reads_only_some_segments_without_an_index_and_says_how_many_it_left_out(tmp_path, segments_read):
    archive = archive_of(tmp_path, *range(5, 35, 5))
    answer = ArchiveIndex(archive, names).find(["id:id-1", "id:id-30"], 50)
    assert [one.position for one in answer.records] == [30]
    assert answer.unsearched == 2
    assert segments_read == [30, 25, 20, 15]


def test_where_two_names_have_one_hash_only_the_record_that_is_wanted_is_found(tmp_path, monkeypatch):
    monkeypatch.setattr(index_module, "_hash", lambda name: b"same!")
    archive = archive_of(tmp_path, 10)
    make_missing(archive, names)
    assert found(archive, "id:id-7") == [7]


def test_an_archive_that_is_not_there_has_nothing(tmp_path):
    assert found(Archive(tmp_path / "none", "mall"), "id:id-1") == []
