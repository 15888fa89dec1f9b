"""Headers: trace contexts, which log, who asks, from where, and when to come again."""

from datetime import UTC, datetime
from typing import Final

from opentelemetry.trace import get_current_span
from parkstream_backend.deliver.summary_client import RETRY_AFTER_SECONDS_MAX, retry_after_seconds
from parkstream_events.marks import MarkError, log_name_of
from parkstream_service.access import LOOPBACK, Arrival, objection
from parkstream_summary_api.bodies import MalformedError
from parkstream_summary_api.routes import log_of
from parkstream_telemetry import context_of, traceparent_of, valid_traceparent
from parkstream_telemetry.tracecontext import span_context_of, trace_id_of

from fuzzing.target import Target, promise

TRACEPARENT: Final = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
HEXADECIMAL: Final = frozenset("0123456789abcdef")
LENGTHS: Final = [2, 32, 16, 2]
ALLOWED: Final = frozenset(LOOPBACK)
NOW: Final = datetime(2026, 11, 30, tzinfo=UTC)


def _names_a_span(text: str) -> bool:
    """Say so in other words than the decoder: four groups of lower hexadecimal digits, ids that are not 0."""
    parts = text.split("-")
    if [len(part) for part in parts] != LENGTHS or not all(set(part) <= HEXADECIMAL for part in parts):
        return False
    return parts[0] != "ff" and bool(parts[1].strip("0")) and bool(parts[2].strip("0"))


def _traced(data: bytes) -> bool:
    text = data.decode("latin-1")
    found = span_context_of(text)
    promise((found is not None) == _names_a_span(text), "a trace context is one as W3C has it, or none")
    promise(valid_traceparent(text) == (text if found else None), "a trace context goes on as it came")
    context = context_of(text)
    if found is None or context is None:
        promise(found is None and context is None, "without a span there is no context")
        return False
    promise(trace_id_of(text) == f"{found.trace_id:032x}", "the id of the trace is the one in it")
    written = traceparent_of(get_current_span(context)) or ""
    promise(written[2:-1] == text[2:-2] + "0", "ids come back as they came")
    promise(int(written[-2:], 16) == int(text[-2:], 16) & 1, "sampled stays sampled")
    return True


def _headed(data: bytes) -> bool:
    """Take lines as headers; return whether the request would be let in."""
    headers = [(name, value.strip()) for name, _, value in (line.partition(b":") for line in data.split(b"\n"))]
    reason = objection(Arrival(headers, "127.0.0.1", page=True), ALLOWED)
    for name, value in headers:
        text = value.decode("latin-1")
        if name == b"retry-after":
            promise(0 <= retry_after_seconds(text, NOW) <= RETRY_AFTER_SECONDS_MAX, "nobody makes us wait for long")
        elif name == b"x-parkstream-log":
            _named(text)
    return not reason


def _named(text: str) -> None:
    try:
        name = log_name_of(text)
    except MarkError:
        return
    promise(log_name_of(name.text) == name, "a log's name comes back from its text")
    try:
        promise(log_of(text) == name, "the API takes the same names")
    except MalformedError as error:
        promise(not text, str(error))


TARGETS: Final = (
    Target(
        name="traceparents",
        about="trace contexts in messages, records and requests",
        samples=(TRACEPARENT.encode(), b"01" + TRACEPARENT[2:].encode(), TRACEPARENT[:-2].encode() + b"00"),
        check=_traced,
        weight=20,
    ),
    Target(
        name="headers",
        about="headers: Host, Origin, Retry-After, the name of a log",
        samples=(
            b"host: localhost:8000\norigin: http://localhost:8000\nsec-fetch-site: same-origin",
            b"host: 127.0.0.1\nsec-fetch-site: cross-site\nsec-fetch-mode: navigate\nsec-fetch-dest: document",
            b"host: [::1]:8000\nretry-after: 3\nx-parkstream-log: 1790000000000000:0f8fad5b-d9cb-469f",
            b"host: localhost\nretry-after: Mon, 30 Nov 2026 00:00:02 GMT",
        ),
        weight=12,
        check=_headed,
        calls_per_byte=100,
    ),
)
