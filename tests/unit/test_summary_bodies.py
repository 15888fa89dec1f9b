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
    with pytest.raises(TooManyItemsError, match="at most 100 summaries"):
        parsed(body(*[item(n) for n in range(101)]))


def test_unknown_fields_pass():
    assert problems_of(with_field(weather="rain")) == [None]


HUGE = b"1" + b"0" * 400
DEEP = b'{"visit_id":"deep","a":' + b"[" * 977 + b"]" * 977 + b"}"


@pytest.mark.parametrize("field", ["revision", "position", "duration_ms", "published_at_us"])
@pytest.mark.parametrize(
    "number",
    [HUGE, b"-" + HUGE, b"1" + b"0" * 17, b"-1", b"1.5", b"1e3", b"1e400", b'"1"', b"true", b"1" + b"0" * 9_000],
)
def test_a_number_has_bounds_and_a_wrong_one_is_named(field: str, number: bytes):
    written = encode(with_number(field)).replace(b'"NUMBER"', number)
    given = parsed(b"[" + written + b"," + encode(item(2)) + b"]")
    problem, none = [result.problem for result in given.answered([ItemStatus.WRITTEN])]
    assert problem is not None
    assert problem.endswith(f"at `$.{field}`")
    assert none is None


def test_a_position_that_no_log_reaches_is_invalid():
    [problem] = problems_of(with_field(position=10**15))
    assert problem == "Expected `int` <= 100000000000000 - at `$.position`"


def with_number(field: str) -> dict[str, object]:
    return msgspec.to_builtins(item()) | {field: "NUMBER"}


@pytest.mark.parametrize(
    ("odd", "problem"),
    [
        (DEEP, "nested deeper than 100 - at `$`"),
        (b"[" * 200_000 + b"]" * 200_000, "400000 bytes; at most 65536 are taken - at `$`"),
        (b"[" * 20_000 + b"]" * 20_000, "nested deeper than 100 - at `$`"),
        (b'{"a":NaN}', "JSON is malformed: invalid character (byte 5)"),
        (b'{"a":-Infinity}', "JSON is malformed: invalid character (byte 6)"),
        (encode(item()).replace(b"ABC123", b"\\udc00"), "invalid utf-16 surrogate pair"),
        (encode(item()).replace(b"ABC123", b"\\ud800"), "surrogate pair"),
        (encode(item())[:-1] + b',"revision":2}', "the field 'revision' occurs more than once - at `$`"),
        (encode(item())[:-1] + b',"x":{"a":1,"b":2,"a":1}}', "the field 'a' occurs more than once - at `$`"),
        (encode(item())[:-1] + b',"x":"\xff"}', "no UTF-8: invalid start byte at byte"),
        (b"\xef\xbb\xbf" + encode(item()), "JSON is malformed: invalid character (byte 0)"),
        (encode(msgspec.to_builtins(item()) | {"outcome": "x" * 60_000}), "at `$.outcome`"),
    ],
)
def test_what_is_odd_is_invalid_and_its_neighbours_are_taken(odd: bytes, problem: str):
    given = parsed(b"[" + encode(item(1)) + b", " + odd + b"," + encode(item(2)) + b"]")
    assert given.items == [item(1), item(2)]
    first, second, third = given.answered([ItemStatus.WRITTEN] * 2)
    assert (first.status, second.status, third.status) == ("written", "invalid", "written")
    assert second.problem is not None
    assert problem in second.problem
    assert len(second.problem) <= 500


def test_brackets_in_texts_and_much_that_is_flat_are_not_deep():
    flat = b"[" + b",".join([b"[]"] * 500) + b"]"
    assert problems_of(encode(item())[:-1] + b',"x":' + flat + b"}") == [None]
    assert problems_of(with_field(superseded_by="[" * 500)) == [None]


def test_an_object_that_is_too_deep_alone_is_invalid_too():
    assert problems_of(DEEP) == ["nested deeper than 100 - at `$`"]


@pytest.mark.parametrize("content", [b"\xef\xbb\xbf[]", b"[NaN", b'["a]', b"[1,,NaN]", b"[NaN]]", b"[" * 200_000])
def test_where_items_cannot_be_separated_all_is_malformed(content: bytes):
    with pytest.raises(MalformedError):
        parsed(content)


def test_a_trace_context_with_a_newline_is_invalid():
    context = "00-" + "a" * 32 + "-" + "b" * 16 + "-01"
    assert problems_of(with_field(traceparent=context)) == [None]
    [problem] = problems_of(with_field(traceparent=context + "\n"))
    assert problem is not None
    assert problem.endswith("at `$.traceparent`")
