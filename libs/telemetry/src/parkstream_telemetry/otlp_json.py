"""Spans in OTLP/JSON, as the collector's file exporter writes them, a request a line.

Ids are hex and integers of 64 bits are strings, which is why protobuf's own JSON does not read it:
https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding.
"""

from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from parkstream_telemetry.received_span import KINDS, STATUSES, ReceivedEvent, ReceivedLink, ReceivedSpan


class _Otlp(Struct, frozen=True, rename="camel"):
    """What is absent is the default, and what is unknown is passed over."""


class _Value(_Otlp, frozen=True):
    string_value: str | None = None
    bool_value: bool | None = None
    int_value: str | int | None = None
    double_value: float | None = None
    array_value: "_Array | None" = None
    kvlist_value: "_Map | None" = None


class _Array(_Otlp, frozen=True):
    values: list[_Value] = []


class _Pair(_Otlp, frozen=True):
    key: str
    value: _Value = _Value()


class _Map(_Otlp, frozen=True):
    values: list[_Pair] = []


class _Attributed(_Otlp, frozen=True):
    attributes: list[_Pair] = []


class _Event(_Attributed, frozen=True):
    name: str = ""


class _Link(_Otlp, frozen=True):
    trace_id: str
    span_id: str


class _Status(_Otlp, frozen=True):
    code: int = 0


class _Span(_Attributed, frozen=True, kw_only=True):
    trace_id: str
    span_id: str
    parent_span_id: str = ""
    name: str
    kind: int = 0
    start_time_unix_nano: str
    end_time_unix_nano: str
    status: _Status = _Status()
    links: list[_Link] = []
    events: list[_Event] = []


class _Scope(_Otlp, frozen=True):
    spans: list[_Span] = []


class _Resource(_Otlp, frozen=True):
    resource: _Attributed = _Attributed()
    scope_spans: list[_Scope] = []


class Request(_Otlp, frozen=True):
    """What one line holds."""

    resource_spans: list[_Resource] = []


def spans_of(request: Request) -> Iterator[ReceivedSpan]:
    """Return the spans of *request*."""
    for resource in request.resource_spans:
        service = str(_read(resource.resource.attributes).get("service.name", ""))
        for scope in resource.scope_spans:
            yield from (_received(service, span) for span in scope.spans)


def _received(service: str, span: _Span) -> ReceivedSpan:
    return ReceivedSpan(
        span.trace_id,
        span.span_id,
        span.parent_span_id,
        service,
        span.name,
        KINDS[span.kind],
        int(span.start_time_unix_nano) // 1000,
        int(span.end_time_unix_nano) // 1000,
        STATUSES[span.status.code],
        _read(span.attributes),
        [ReceivedLink(link.trace_id, link.span_id) for link in span.links],
        [ReceivedEvent(event.name, _read(event.attributes)) for event in span.events],
    )


def _read(pairs: list[_Pair]) -> dict[str, Any]:
    return {pair.key: _value(pair.value) for pair in pairs}


def _value(value: _Value) -> object:
    if value.int_value is not None:
        return int(value.int_value)
    if value.array_value is not None:
        return [_value(one) for one in value.array_value.values]
    if value.kvlist_value is not None:
        return _read(value.kvlist_value.values)
    return next((one for one in (value.string_value, value.bool_value, value.double_value) if one is not None), None)
