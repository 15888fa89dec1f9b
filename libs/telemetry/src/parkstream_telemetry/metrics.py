"""Figures under names that are all listed, added up by OpenTelemetry's SDK and read by Prometheus' client."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import product
from threading import Lock
from typing import Any

from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.metrics import Observation
from opentelemetry.sdk.metrics import AlwaysOffExemplarFilter, MeterProvider
from opentelemetry.sdk.metrics import Counter as SdkCounter
from opentelemetry.sdk.metrics import Histogram as SdkHistogram
from opentelemetry.sdk.metrics.export import CardinalityLimits, MetricExporter, PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from parkstream_service.explanation import described
from prometheus_client import CollectorRegistry, generate_latest

from parkstream_telemetry.distributions import Distribution, Distributions, JoiningExporter, Observe, Tally
from parkstream_telemetry.kinds import Metric
from parkstream_telemetry.names import SCHEMA_URL
from parkstream_telemetry.resources import SCOPE, SCOPE_VERSION

SERIES_MAX = 500
"""Combinations of attribute values that a metric may have; what is beyond goes to the overflow series."""
_LIMITS: CardinalityLimits = {SdkCounter: SERIES_MAX, SdkHistogram: SERIES_MAX}

Observed = float | list[tuple[float, dict[str, str]]]
Labels = Mapping[str, Any]


class UnlistedError(ValueError):
    """Something was to be emitted that ``names`` does not list."""


class Metrics:
    """Counters and histograms of one process, and callbacks for its gauges; safe to use from any thread.

    With an *exporter* they are sent every *seconds*, by a thread of their own, and once more at the end.
    """

    def __init__(
        self,
        resource: Resource,
        exporter: MetricExporter | None = None,
        seconds: float = 10.0,
        *,
        strict: bool,
        report: Callable[[str], None],
    ) -> None:
        self._strict = strict
        self._report = report
        self._watching, self._scraping = Lock(), Lock()
        self._instruments: dict[Metric, Any] = {}
        self._tallies: dict[Metric, Tally] = {}
        self._watched: dict[Metric, list[Callable[[], Observed]]] = {}
        self._refused: UnlistedError | None = None
        self._reported: set[str] = set()
        self._distributions = Distributions()
        self._registry = CollectorRegistry()
        scraped = PrometheusMetricReader(
            disable_target_info=True, scope_info_enabled=False, registry=self._registry, cardinality_limits=_LIMITS
        )
        self._registry.register(self._distributions)
        self._sent: Any = (  # The SDK leaves types out.
            PeriodicExportingMetricReader(
                JoiningExporter(exporter, self._distributions), seconds * 1_000, cardinality_limits=_LIMITS
            )
            if exporter is not None
            else None
        )
        provider = MeterProvider(
            [scraped, *([self._sent] if self._sent is not None else [])],
            resource,
            AlwaysOffExemplarFilter(),
            shutdown_on_exit=False,
        )
        self._meter = provider.get_meter(SCOPE, SCOPE_VERSION, SCHEMA_URL)

    def add(self, metric: Metric, value: float, attributes: Mapping[str, Any]) -> None:
        """Add *value* to a counter."""
        self._instrument(metric).add(value, self._labels(metric, attributes))

    def record(self, metric: Metric, value: float, attributes: Mapping[str, Any]) -> None:
        """Count *value* in its bucket of a histogram."""
        if not attributes and (tally := self._tallies.get(metric)):
            tally.record(value)
            return
        self._instrument(metric).record(value, self._labels(metric, attributes))

    def begin(self, metric: Metric) -> None:
        """Let every series of a counter or histogram begin at 0: a rate needs a point before the first count."""
        if metric.kind == "histogram" and not metric.attributes:
            self._tallies[metric] = tally = Tally(metric)
            self.distribute(metric, tally.series)
            return
        if metric.kind == "histogram":
            nothing = Distribution({}, 0, (0,) * (len(metric.buckets) + 1))
            self.distribute(metric, lambda: [] if metric in self._instruments else [nothing])
            return
        labels = [[(attribute.keyword, value) for value in attribute.values] for attribute in metric.attributes]
        for values in product(*labels):
            self.add(metric, 0, dict(values))

    def watch(self, metric: Metric, callback: Callable[[], Observed]) -> None:
        """Ask *callback* for the value whenever somebody looks; any thread may ask."""
        with self._watching:
            callbacks = self._watched.setdefault(metric, [])
            callbacks.append(callback)
            if len(callbacks) > 1:
                return
        create = (
            self._meter.create_observable_gauge if metric.kind == "gauge" else self._meter.create_observable_counter
        )
        create(metric.name, [lambda _: self._asked(metric)], metric.unit, metric.meaning)

    def distribute(self, metric: Metric, observe: Observe) -> None:
        """Ask *observe* for a histogram whenever somebody looks; any thread may ask."""
        self._distributions.watch(metric, observe)

    def prometheus(self) -> bytes:
        """Return every metric as Prometheus reads them; a gauge with an unlisted label fails in strict mode."""
        with self._scraping:
            shown = generate_latest(self._registry)
        if self._refused is not None:
            raise self._refused
        return shown

    def shutdown(self, timeout_seconds: float) -> None:
        """Send all figures for the last time, for at most *timeout_seconds*."""
        if self._sent is not None:
            self._sent.shutdown(max(0.0, timeout_seconds) * 1_000)

    def _instrument(self, metric: Metric) -> Any:  # noqa: ANN401 - a counter or a histogram
        found = self._instruments.get(metric)
        if found is not None:
            return found
        about = metric.name, metric.unit, metric.meaning
        self._instruments[metric] = made = (
            self._meter.create_counter(*about)
            if metric.kind == "counter"
            else self._meter.create_histogram(*about, explicit_bucket_boundaries_advisory=metric.buckets)
        )
        return made

    def _asked(self, metric: Metric) -> Iterator[Observation]:
        for callback in self._watched[metric]:
            try:
                observed = callback()
                yield from self._observations(metric, observed if isinstance(observed, list) else [(observed, {})])
            except UnlistedError as error:
                self._refused = error
            except Exception as error:  # noqa: BLE001 - one gauge must not hide the others; it is reported
                self._report(f"{metric.name} failed: {described(error)}")

    def _observations(self, metric: Metric, observed: Iterable[tuple[float, Labels]]) -> Iterator[Observation]:
        for value, attributes in observed:
            # A bool is a number to Python, but none to OTLP: one would keep all figures from being exported.
            yield Observation(int(value) if isinstance(value, bool) else value, self._labels(metric, attributes))

    def _labels(self, metric: Metric, attributes: Mapping[str, Any]) -> Labels:
        if not attributes:
            return attributes
        names = {attribute.keyword: attribute.name for attribute in metric.attributes}
        if not names.keys() >= attributes.keys():
            detail = f"{metric.name} has no {sorted(attributes.keys() - names.keys())}"
            if self._strict:
                raise UnlistedError(detail)
            if detail not in self._reported:
                self._reported.add(detail)
                self._report(detail)
        return {names[keyword]: value for keyword, value in attributes.items() if keyword in names}
