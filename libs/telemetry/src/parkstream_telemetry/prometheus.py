"""Figures as Prometheus reads them: text exposition 0.0.4, names translated as OpenTelemetry specifies."""

from collections.abc import Iterable, Iterator
from math import inf, isfinite

from parkstream_telemetry.kinds import Metric
from parkstream_telemetry.metrics import Figure, Labels, Point

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_UNITS = {"s": "_seconds", "By": "_bytes"}
_ESCAPES = str.maketrans({"\\": r"\\", "\n": r"\n", '"': r"\""})


def exposition(figures: Iterable[Figure]) -> bytes:
    """Return *figures* as the body of an answer to a scrape."""
    return "".join(line + "\n" for figure in figures for line in _lines(figure)).encode()


def family(metric: Metric) -> str:
    """Return the name under which Prometheus knows *metric*."""
    ratio = "_ratio" if metric.unit == "1" and metric.kind == "gauge" else ""
    total = "_total" if metric.kind == "counter" else ""
    return metric.name.replace(".", "_") + _UNITS.get(metric.unit, "") + ratio + total


def _lines(figure: Figure) -> Iterator[str]:
    name = family(figure.metric)
    yield f"# HELP {name} {figure.metric.meaning}"
    yield f"# TYPE {name} {figure.metric.kind}"
    for point in figure.points:
        if figure.metric.kind == "histogram":
            yield from _histogram(name, figure.metric, point)
        else:
            yield f"{name}{_labels(point.labels)} {_number(point.value)}"


def _histogram(name: str, metric: Metric, point: Point) -> Iterator[str]:
    below = 0
    for bound, count in zip((*metric.buckets, inf), point.counts, strict=True):
        below += count
        yield f"{name}_bucket{_labels({**point.labels, 'le': _number(bound)})} {below}"
    yield f"{name}_sum{_labels(point.labels)} {_number(point.value)}"
    yield f"{name}_count{_labels(point.labels)} {below}"


def _labels(labels: Labels) -> str:
    if not labels:
        return ""
    pairs = (f'{name.replace(".", "_")}="{str(value).translate(_ESCAPES)}"' for name, value in labels.items())
    return "{" + ",".join(pairs) + "}"


def _number(value: float) -> str:
    if isfinite(value):
        return str(int(value)) if value == int(value) else repr(float(value))
    return {inf: "+Inf", -inf: "-Inf"}.get(value, "NaN")
