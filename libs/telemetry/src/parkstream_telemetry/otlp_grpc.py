"""Exporters of OTLP over gRPC."""

from collections.abc import Callable, Sequence

from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

Envelope = Callable[[Sequence[bytes]], bytes]


class EncodedSpanExporter(OTLPSpanExporter):
    """Sends spans that are encoded already."""

    def __init__(self, envelope: Envelope) -> None:
        super().__init__()
        self._envelope = envelope

    def _translate_data(self, data: Sequence[bytes]) -> ExportTraceServiceRequest:  # type: ignore[override]
        return ExportTraceServiceRequest.FromString(self._envelope(data))


__all__ = ["EncodedSpanExporter", "OTLPLogExporter", "OTLPMetricExporter"]
