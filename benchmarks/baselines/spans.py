"""OpenTelemetry for the baselines, as its documentation has it."""

from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor


def provider_of(service: str) -> TracerProvider:
    """Return a provider that exports to the endpoint in the environment; the queue is large enough to drop nothing."""
    provider = TracerProvider(resource=Resource.create({"service.name": service}))
    provider.add_span_processor(
        BatchSpanProcessor(OTLPSpanExporter(insecure=True), max_queue_size=200_000, max_export_batch_size=2_048),
    )
    return provider
