import msgspec
import pytest
from parkstream_events.summaries import ItemStatus
from parkstream_events.wire import encode
from parkstream_summary_api.bodies import ITEM_BYTES_MAX, MalformedError, TooManyItemsError, parsed
from summary_items import body, item


def problems_of(content: bytes) -> list[str | None]:
    given = parsed(content)
    return [result.problem for result in given.answered([ItemStatus.WRITTEN] * len(given.items))]


def with_field(**changes: object) -> bytes:
    return encode(msgspec.to_builtins(item()) | changes)


def test_one_object_is_as_good_as_an_array_of_one():
    assert parsed(b" \n" + encode(item())).items == parsed(body(item())).items == [item()]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"revision": 0}, "$.revision"),
        ({"revision": "1"}, "$.revision"),
        ({"visit_id": ""}, "$.visit_id"),
        ({"outcome": "vanished"}, "$.outcome"),
        ({"entry_date_time": "2026-01-31T09:00:00"}, "$.entry_date_time"),
        ({"exit_date_time": "yesterday"}, "$.exit_date_time"),
        ({"duration_ms": -1}, "$.duration_ms"),
        ({"traceparent": "00-xyz"}, "$.traceparent"),
        ({"position": None}, "$.position"),
    ],
)
def test_an_invalid_item_names_its_field(changes: dict[str, object], field: str):
    [problem] = problems_of(with_field(**changes))
    assert problem is not None
    assert f"`{field}`" in problem


def test_a_missing_field_is_named():
    values = msgspec.to_builtins(item())
    del values["vehicle_plate"]
    [problem] = problems_of(encode(values))
    assert problem is not None
    assert "vehicle_plate" in problem


def test_a_bad_item_keeps_no_other_from_being_taken():
    given = parsed(b"[" + encode(item(1)) + b',{"visit_id":"x","revision":7},42,' + encode(item(2)) + b"]")
    results = given.answered([ItemStatus.WRITTEN, ItemStatus.DUPLICATE])
    assert given.items == [item(1), item(2)]
    assert [(result.visit_id, result.revision, result.status.value) for result in results] == [
        ("exit:1", 1, "written"),
        ("x", 7, "invalid"),
        ("", 0, "invalid"),
        ("exit:2", 1, "duplicate"),
    ]


def test_an_item_over_64_kib_is_invalid():
    [problem] = problems_of(with_field(superseded_by="x" * ITEM_BYTES_MAX))
    assert problem is not None
    assert "at most 65536" in problem


def test_text_that_is_no_utf8_is_invalid_and_not_an_error():
    [problem] = problems_of(encode(item()).replace(b"ABC123", b"\xff\xfe"))
    assert problem is not None


@pytest.mark.parametrize("content", [b"", b"[", b'{"visit_id":', b"[1,]", b"nonsense", b"{} {}"])
def test_what_is_no_json_is_malformed(content: bytes):
    with pytest.raises(MalformedError):
        parsed(content)


def test_more_than_100_items_are_too_many():
    assert len(parsed(body(*[item(n) for n in range(100)])).items) == 100
    with pytest.raises(TooManyItemsError, match="101 summaries"):
        parsed(body(*[item(n) for n in range(101)]))


def test_unknown_fields_pass():
    assert problems_of(with_field(weather="rain")) == [None]
