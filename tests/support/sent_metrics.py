"""The points that services really sent, as SigNoz keeps them: a histogram is its buckets, its sum and its count."""

from collections.abc import Iterable, Iterator
from itertools import accumulate

from aggregations import Sample
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.metrics.v1.metrics_pb2 import HistogramDataPoint, Metric


def sent_samples(requests: Iterable[object], start_us: int) -> list[Sample]:
    """Return every point of *requests*, with its time since *start_us*; each process is a series of its own."""
    return [
        sample
        for request in requests
        if isinstance(request, ExportMetricsServiceRequest)
        for resource in request.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
        for sample in _samples(metric, _labels(resource.resource.attributes), start_us)
    ]


def _samples(metric: Metric, process: dict[str, str], start_us: int) -> Iterator[Sample]:
    kind = metric.WhichOneof("data")
    if kind is None:  # A gauge that is not known yet.
        return
    for point in getattr(metric, kind).data_points:
        labels = process | _labels(point.attributes)
        at = (point.time_unix_nano / 1000 - start_us) / 1e6
        if kind == "histogram":
            yield from _parts(metric.name, point, labels, at)
        elif value := point.WhichOneof("value"):
            yield Sample(metric.name, labels, at, getattr(point, value))


def _parts(name: str, point: HistogramDataPoint, labels: dict[str, str], at: float) -> Iterator[Sample]:
    bounds = [*(f"{bound:g}" for bound in point.explicit_bounds), "+Inf"]
    for bound, total in zip(bounds, accumulate(point.bucket_counts), strict=True):
        yield Sample(f"{name}.bucket", labels | {"le": bound}, at, total)
    yield Sample(f"{name}.count", labels, at, point.count)
    yield Sample(f"{name}.sum", labels, at, point.sum)


def _labels(attributes: Iterable[KeyValue]) -> dict[str, str]:
    return {pair.key: pair.value.string_value for pair in attributes if pair.value.HasField("string_value")}
