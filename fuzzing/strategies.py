"""Inputs as Hypothesis makes them: JSON of any shape, and samples with fields of any value."""

import json
from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

NUMBERS = st.one_of(
    st.integers(),
    st.integers(0, 4_000).map(lambda digits: 10**digits),
    st.floats(),
)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.text(st.characters(codec=None), max_size=40) | st.datetimes().map(str),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)


def inputs_like(samples: Sequence[bytes]) -> st.SearchStrategy[bytes]:
    """Return what makes bytes, texts and JSON of any shape, and *samples* one of whose fields has any value."""
    objects = [found for sample in samples for found in [_object(sample)] if found]
    anything: list[st.SearchStrategy[bytes]] = [
        st.binary(max_size=300),
        st.text(st.characters(codec=None), max_size=100).map(lambda text: text.encode(errors="surrogatepass")),
        VALUES.map(_written),
        st.tuples(st.sampled_from(samples), st.binary(max_size=40)).map(b"".join),
    ]
    if objects:
        anything += 3 * [st.sampled_from(objects).flatmap(_changed)]
    return st.one_of(anything)


def _object(sample: bytes) -> tuple[bytes, dict[str, Any], bytes] | None:
    """Return the JSON object in *sample*, with what stands around it."""
    start, end = sample.find(b"{"), sample.find(b"\n", sample.find(b"{"))
    try:
        found = json.loads(sample[start : end if end > 0 else len(sample)])
    except ValueError:
        return None
    return (sample[:start], found, sample[end:] if end > 0 else b"") if isinstance(found, dict) and found else None


def _changed(parts: tuple[bytes, dict[str, Any], bytes]) -> st.SearchStrategy[bytes]:
    before, fields, after = parts
    changes = st.dictionaries(st.sampled_from(sorted(fields)), VALUES, min_size=1, max_size=2)
    return changes.map(lambda changed: before + _written(fields | changed) + after)


def _written(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode(errors="surrogatepass")
