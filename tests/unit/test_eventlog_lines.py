"""A record as a line of JSON, and back."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from parkstream_eventlog import Record
from parkstream_eventlog.transfer.export import lines_of
from parkstream_eventlog.transfer.json_lines import INTEGER_MAX, LineError, line_of, record_and_log_of, record_of

integers = st.integers(-INTEGER_MAX, INTEGER_MAX)
records = st.builds(
    Record,
    st.integers(1, INTEGER_MAX),
    st.text(min_size=1),
    st.text(),
    st.binary() | st.text().map(str.encode),
    integers,
    st.none() | integers,
    st.none() | st.text(),
)


@given(records)
def test_every_record_comes_back_from_its_one_line(record):
    line = line_of(record)
    assert line.index(b"\n") == len(line) - 1
    assert record_of(line) == record_of(line[:-1]) == record


def test_a_body_of_json_can_be_read_as_text():
    record = Record(7, "vehicle.entered.v1", "id-7", b'{"id": "id-7"}', 1, None, None)
    assert json.loads(line_of(record)) == {
        "position": 7,
        "type": "vehicle.entered.v1",
        "id": "id-7",
        "recorded_at_us": 1,
        "body": '{"id": "id-7"}',
    }


def test_the_first_line_names_the_log_and_no_other_does():
    two = [Record(position, "t", "i", b"", 1, None, None) for position in (1, 2)]
    first, second = lines_of(two, "log-1").splitlines()
    assert json.loads(first)["log_id"] == "log-1"
    assert "log_id" not in json.loads(second)
    assert [record_and_log_of(line) for line in (first, second)] == [(two[0], "log-1"), (two[1], "")]


def test_a_body_of_other_bytes_is_base64():
    assert json.loads(line_of(Record(7, "t", "i", b"\xff\x00", 1, None, None)))["body_base64"] == "/wA="


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"torn {",
        b"[]",
        b'{"position":0,"type":"t","id":"i","recorded_at_us":1,"body":""}',
        b'{"position":1,"type":"t","id":"i","recorded_at_us":1}',
        b'{"position":1,"type":"t","id":"i","recorded_at_us":1,"body":"","body_base64":""}',
        b'{"position":1,"type":"t","id":"i","recorded_at_us":9007199254740992,"body":""}',
        b'{"position":1,"type":"t","id":"i","recorded_at_us":1,"body":"","news":1}',
        b'{"position":1,"type":"t","id":"i","recorded_at_us":1,"body":"","log_id":"a:b"}',
        b'{"position":1,"type":"t","id":"i\xff","recorded_at_us":1,"body":""}',
    ],
)
def test_a_line_without_a_record_is_refused(line):
    with pytest.raises(LineError, match="no record"):
        record_of(line)
