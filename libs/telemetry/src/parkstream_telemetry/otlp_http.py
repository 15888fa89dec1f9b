"""Exporters of OTLP over HTTP."""

from collections.abc import Callable, Sequence

from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace.export import SpanExportResult

Envelope = Callable[[Sequence[bytes]], bytes]


class EncodedSpanExporter(OTLPSpanExporter):
    """Sends spans that are encoded already."""

    def __init__(self, envelope: Envelope) -> None:
        super().__init__()
        self._envelope = envelope

    def export(self, spans: Sequence[bytes]) -> SpanExportResult:  # type: ignore[override]
        """Send *spans*; within the exporter's own timeout and retries."""
        taken = self._client.export(self._envelope(spans)).success
        return SpanExportResult.SUCCESS if taken else SpanExportResult.FAILURE


__all__ = ["EncodedSpanExporter", "OTLPLogExporter", "OTLPMetricExporter"]
