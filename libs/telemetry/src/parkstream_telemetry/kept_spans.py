"""Spans that a receiver kept in a file, a line of JSON each: how they are read."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct


class ReceivedLink(Struct, frozen=True):
    """A span that another one points to."""

    trace_id: str
    span_id: str


class ReceivedEvent(Struct, frozen=True):
    """Something that happened during a span."""

    name: str
    attributes: dict[str, Any]


class ReceivedSpan(Struct, frozen=True):
    """One step of a trace; times in µs since the epoch, ids in hex, no parent as an empty one."""

    trace_id: str
    span_id: str
    parent_span_id: str
    service: str
    name: str
    kind: str
    start_us: int
    end_us: int
    status: str
    attributes: dict[str, Any]
    links: list[ReceivedLink]
    events: list[ReceivedEvent]


_line = msgspec.json.Decoder(ReceivedSpan)


class NotSpansError(ValueError):
    """A line of *file* is no span."""

    def __init__(self, file: Path, why: Exception) -> None:
        super().__init__(f"{file} holds something else than spans: {why}")
        self.file = file


def older_half(file: Path) -> Path:
    """Return where the spans are that were in *file* before it was full."""
    return file.with_name(f"{file.stem}.older{file.suffix}")


def kept_spans(file: Path) -> Iterator[ReceivedSpan]:
    """Return the spans that *file* and its older half hold, the oldest first; raise ``NotSpansError``, ``OSError``."""
    older = older_half(file)
    for half in [older, file] if older.exists() else [file]:
        with half.open("rb") as lines:
            yield from (_span(half, line) for line in lines if line.endswith(b"\n"))  # Else it is being written.


def _span(file: Path, line: bytes) -> ReceivedSpan:
    try:
        return _line.decode(line)
    except msgspec.DecodeError as error:
        raise NotSpansError(file, error) from error
