"""The SDK's spans on their way into a queue of ours, which bounds, counts and gives up."""

from collections.abc import Callable

from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor

from parkstream_telemetry import conformance
from parkstream_telemetry.metrics import UnlistedError


class Queued(SpanProcessor):
    """Hands each span that has ended to *put*; one that is not listed fails in *strict* mode."""

    def __init__(self, put: Callable[[ReadableSpan], None], *, strict: bool) -> None:
        self._put = put
        self._strict = strict

    def on_end(self, span: ReadableSpan) -> None:
        """Let *span* wait for its export."""
        if self._strict:
            problem = conformance.span_problem(span.name, span.kind.name, span.attributes or ())
            if problem is not None:
                raise UnlistedError(problem)
        self._put(span)
