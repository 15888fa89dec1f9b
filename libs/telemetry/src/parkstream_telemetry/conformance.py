"""Whether what was emitted is listed in ``names``."""

from collections.abc import Iterable
from functools import cache
from types import ModuleType

from parkstream_telemetry import names
from parkstream_telemetry.kinds import Attribute, Event, Metric, Span
from parkstream_telemetry.names import backend, console, every_service, generators, summary_api

ALWAYS_ALLOWED = frozenset({"event.name", "exception.type", "exception.message", "exception.stacktrace"})
OVERFLOW_ATTRIBUTE = "otel.metric.overflow"


@cache
def metrics() -> dict[str, Metric]:
    """Return all metrics by name."""
    return {one.name: one for one in vars(names).values() if isinstance(one, Metric)}


_OF_SERVICE: dict[str, ModuleType] = {
    "parkstream-backend": backend,
    "parkstream-console": console,
    "parkstream-entry-generator": generators,
    "parkstream-exit-generator": generators,
    "parkstream-summary-api": summary_api,
}


def countable(service: str) -> list[Metric]:
    """Return the counters and histograms of *service* all of whose labels are known before anything is counted."""
    found = [*vars(every_service).values(), *vars(_OF_SERVICE[service]).values()] if service in _OF_SERVICE else []
    metrics = (one for one in found if isinstance(one, Metric) and one.kind != "gauge")
    return [one for one in metrics if all(attribute.values for attribute in one.attributes)]


@cache
def events() -> dict[str, Event]:
    """Return all events by name."""
    return {one.name: one for one in vars(names).values() if isinstance(one, Event)}


@cache
def spans() -> list[Span]:
    """Return all spans, in the order of a trace."""
    return [one for one in vars(names).values() if isinstance(one, Span)]


@cache
def attributes() -> dict[str, Attribute]:
    """Return all attributes that have a constant, by the argument that names each."""
    return {one.keyword: one for one in vars(names).values() if isinstance(one, Attribute)}


def span_problem(name: str, kind: str, attributes: Iterable[str]) -> str | None:
    """Return what is wrong with a span of this name, kind and attributes, or ``None``."""
    span = next((one for one in spans() if one.names(name)), None)
    if span is None:
        return f"span {name!r} is not listed"
    if span.kind.value != kind:
        return f"span {name!r} is listed as {span.kind.value}, not {kind}"
    return _unlisted(f"span {name!r}", attributes, (*span.attributes, names.ATTRIBUTE_ERROR_TYPE))


def metric_problem(name: str, unit: str, attributes: Iterable[str]) -> str | None:
    """Return what is wrong with a metric of this name, unit and attributes, or ``None``."""
    metric = metrics().get(name)
    if metric is None:
        return f"metric {name!r} is not listed"
    if metric.unit != unit:
        return f"metric {name!r} is listed in {metric.unit}, not {unit}"
    return _unlisted(f"metric {name!r}", set(attributes) - {OVERFLOW_ATTRIBUTE}, metric.attributes)


def event_problem(name: str, attributes: Iterable[str]) -> str | None:
    """Return what is wrong with a log record of this event and attributes, or ``None``."""
    event = events().get(name)
    if event is None:
        return f"event {name!r} is not listed"
    return _unlisted(f"event {name!r}", set(attributes) - ALWAYS_ALLOWED, event.attributes)


def _unlisted(what: str, attributes: Iterable[str], listed: Iterable[Attribute]) -> str | None:
    unlisted = set(attributes) - {attribute.name for attribute in listed}
    return f"{what} has no {sorted(unlisted)}" if unlisted else None
