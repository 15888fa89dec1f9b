"""Kept spans go on in the file of the run before, however that ended."""

from parkstream_devtools.otlp.span_file import SpanFile
from parkstream_telemetry.kept_spans import kept_spans


def test_spans_that_were_cut_off_within_a_line_are_followed_by_whole_ones(tmp_path):
    file = tmp_path / "spans.jsonl"
    file.write_bytes(b"\n" + b'{"torn":' + b"x" * 200_000)
    SpanFile(file).close()
    assert list(kept_spans(file)) == []
    assert file.read_bytes() == b"\n"
