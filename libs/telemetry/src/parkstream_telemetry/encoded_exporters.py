"""The SDK's exporters for spans that are encoded already: their settings, retries and limits, without their encoder.

That leans on two private names of theirs; docs/upstream/encoded-spans.md has what would make them needless.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from opentelemetry.sdk.trace.export import SpanExportResult

if TYPE_CHECKING:
    from parkstream_telemetry.receivers import Protocol

Envelope = Callable[[Sequence[bytes]], bytes]
"""Makes a request of spans."""


def encoded_span_exporter(protocol: "Protocol", envelope: Envelope) -> Any:  # noqa: ANN401 - one of two classes
    """Return what sends spans by *protocol*."""
    return _by_grpc(envelope) if protocol == "grpc" else _by_http(envelope)


def _by_grpc(envelope: Envelope) -> Any:  # noqa: ANN401
    from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter  # noqa: PLC0415 - takes 30 MB
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest  # noqa: PLC0415

    class EncodedSpanExporter(OTLPSpanExporter):
        def _translate_data(self, data: Sequence[bytes]) -> ExportTraceServiceRequest:  # type: ignore[override]
            return ExportTraceServiceRequest.FromString(envelope(data))

    return EncodedSpanExporter()


def _by_http(envelope: Envelope) -> Any:  # noqa: ANN401
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415 - as above

    class EncodedSpanExporter(OTLPSpanExporter):
        def export(self, spans: Sequence[bytes]) -> SpanExportResult:  # type: ignore[override]
            taken = self._client.export(envelope(spans)).success
            return SpanExportResult.SUCCESS if taken else SpanExportResult.FAILURE

    return EncodedSpanExporter()
