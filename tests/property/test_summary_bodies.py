"""Whatever is posted: it is read or refused with a reason, and what is good is taken."""

import json
from contextlib import suppress

from hypothesis import given
from hypothesis import strategies as st
from parkstream_events.summaries import ItemStatus
from parkstream_events.wire import encode
from parkstream_summary_api.bodies import MalformedError, TooManyItemsError, parsed
from summary_items import item

GOOD = encode(item())
FIELDS = st.sampled_from(list(json.loads(GOOD)))
numbers = st.one_of(
    st.integers(),
    st.integers(0, 40_000).map(lambda digits: 10**digits if digits < 400 else 10**400),
    st.floats(),
)
values = st.recursive(
    st.none() | st.booleans() | numbers | st.text(st.characters(codec=None)),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=10,
)


@st.composite
def odd_items(draw: st.DrawFn) -> bytes:
    """JSON that is nearly a summary, balanced as it is."""
    match draw(st.sampled_from(["value", "field", "twice", "deep", "cut"])):
        case "value":
            written = json.dumps(draw(values))
        case "field":
            written = json.dumps(json.loads(GOOD) | {draw(FIELDS): draw(values)})
        case "twice":
            written = GOOD.decode()[:-1] + f',"{draw(FIELDS)}":{json.dumps(draw(values))}}}'
        case "deep":
            depth = draw(st.sampled_from([1, 50, 99, 100, 101, 500, 977, 5_000]))
            written = '{"x":' + "[" * depth + "]" * depth + "}"
        case _:
            at = draw(st.integers(1, len(GOOD) - 1))
            return GOOD[:at].replace(b'"', b"").replace(b"{", b"").replace(b",", b"") + b"\xff"
    return written.encode(errors="surrogatepass")


@given(st.binary(max_size=200) | st.lists(st.sampled_from([*b'[]{}",\\:1N '])).map(bytes))
def test_any_bytes_are_read_or_refused(body):
    with suppress(MalformedError, TooManyItemsError):
        read = parsed(body)
        assert read.items == []
        assert all(result is not None and result.problem for result in read.results)


@given(st.lists(odd_items(), max_size=3), st.lists(odd_items(), max_size=3))
def test_a_good_summary_among_odd_ones_is_taken(before, after):
    read = parsed(b"[" + b",".join([*before, GOOD, *after]) + b"]")
    results = read.answered([ItemStatus.WRITTEN] * len(read.items))
    assert len(results) == len(before) + 1 + len(after)
    assert results[len(before)].status is ItemStatus.WRITTEN
    for result in results:
        assert result.status is ItemStatus.WRITTEN or result.problem
    encoded = encode(results)
    assert json.loads(encoded)


@given(FIELDS, values)
def test_a_field_that_occurs_twice_is_never_taken(field, value):
    try:
        text = json.dumps(value, allow_nan=False).encode()
    except ValueError:
        return
    [result] = parsed(GOOD[:-1] + b',"' + field.encode() + b'":' + text + b"}").results
    assert result is not None
    assert result.problem
