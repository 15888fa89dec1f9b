"""How something is asked: the query builder, several at once, or SQL."""

from importlib.resources import files
from typing import Final

from msgspec import Struct
from parkstream_telemetry import names
from parkstream_telemetry.kinds import Attribute, Metric

from parkstream_definitions.figures import Json, Percentile, percentile, rate_of_part

Envelope = tuple[str, Json]
"""The type of a query in ``/api/v5/query_range``, and its spec."""
PLUGINS: Final = {"builder_query": "BuilderQuery", "builder_formula": "Formula", "clickhouse_sql": "ClickHouseSQL"}
SERVICES: Final = (
    "parkstream-entry-generator",
    "parkstream-exit-generator",
    "parkstream-backend",
    "parkstream-summary-api",
)
PIPELINE: Final = f"service.name IN {SERVICES}"
"""The spans of the pipeline: what the command line does, such as a replay, is none of its steps."""


class Asked(Struct, frozen=True):
    """One or more queries of one panel or alert; *selected* is the one that counts."""

    envelopes: list[Envelope]
    selected: str = "A"

    @property
    def language(self) -> str:
        """Return what it is written in, as a rule calls it."""
        return "clickhouse_sql" if self.envelopes[0][0] == "clickhouse_sql" else "builder"

    def as_plugin(self) -> Json:
        """Return it as the one query of a panel."""
        if len(self.envelopes) == 1:
            kind, spec = self.envelopes[0]
            return {"kind": f"signoz/{PLUGINS[kind]}", "spec": spec}
        return {"kind": "signoz/CompositeQuery", "spec": {"queries": self.as_list()}}

    def as_list(self) -> list[Json]:
        """Return it as a rule and a view hold it."""
        return [{"type": kind, "spec": spec} for kind, spec in self.envelopes]


SPAN_NAME: Final[Json] = {"name": "name", "fieldContext": "span", "fieldDataType": "string"}
"""A line per span."""


def metric(
    aggregation: Json, *, legend: str, where: str = "", by: Json | list[Json] | None = None, name: str = "A"
) -> Envelope:
    """Ask for a metric, as ``figures`` has it; *by* makes a line per value, see ``along``."""
    spec: Json = {"name": name, "signal": "metrics", "aggregations": [aggregation], "legend": legend}
    return "builder_query", spec | _narrowed(where, by)


def each(aggregation: Json, attribute: Attribute) -> Asked:
    """Ask for a metric with a line per value of *attribute*."""
    return Asked([metric(aggregation, legend=label(attribute), by=along(attribute))])


def spans(expression: str, *, legend: str, where: str, by: Json | None = None, name: str = "A") -> Envelope:
    """Ask for a figure over spans, such as ``p99(parking.e2e.duration_ms)``."""
    spec: Json = {"name": name, "signal": "traces", "aggregations": [{"expression": expression}], "legend": legend}
    return "builder_query", spec | _narrowed(where, by)


def span_list(where: str, fields: list[Attribute], *, first: Attribute | None = None, limit: int = 20) -> Envelope:
    """Ask for spans themselves, those with the greatest *first* first, else the latest."""
    order = {"name": first.name if first else "timestamp"}
    spec: Json = {
        "name": "A",
        "signal": "traces",
        "order": [{"key": order, "direction": "desc"}],
        "selectFields": [field(one) for one in fields],
        "limit": limit,
    }
    return "builder_query", spec | _narrowed(where, None)


def formula(expression: str, inputs: dict[str, Json], *, legend: str) -> Asked:
    """Ask for what *expression* makes of metrics *inputs*, by the names that it calls them."""
    envelopes = [metric(aggregation, legend=name, name=name) for name, aggregation in inputs.items()]
    disabled: list[Envelope] = [(kind, spec | {"disabled": True}) for kind, spec in envelopes]
    return Asked([*disabled, ("builder_formula", {"name": "F1", "expression": expression, "legend": legend})], "F1")


def percentiles(histogram: Metric) -> Asked:
    """Ask for p50, p95 and p99 of *histogram* in one panel, each with its own legend."""
    asked: list[tuple[str, Percentile]] = [("A", "p50"), ("B", "p95"), ("C", "p99")]
    return Asked([metric(percentile(histogram, of), legend=of, name=name) for name, of in asked])


def average(histogram: Metric, *, legend: str) -> Asked:
    """Ask for the average of *histogram*, which is exact: percentiles are interpolated inside a bucket."""
    inputs = {"A": rate_of_part(histogram, "sum"), "B": rate_of_part(histogram, "count")}
    return formula("A / B", inputs, legend=legend)


def sql(name: str, *, legend: str = "") -> Asked:
    """Ask with the SQL in ``sql/{name}.sql``."""
    text = (files("parkstream_definitions") / "sql" / f"{name}.sql").read_text(encoding="utf-8")
    return Asked([("clickhouse_sql", {"name": "A", "query": text, "legend": legend})])


def along(attribute: Attribute) -> Json:
    """Return what makes a line per value of *attribute*."""
    return {"name": attribute.name, "fieldContext": "attribute", "fieldDataType": "string"}


def label(attribute: Attribute) -> str:
    """Return the legend of a line per value of *attribute*."""
    return f"{{{{{attribute.name}}}}}"


def field(attribute: Attribute) -> Json:
    """Return *attribute* of a span as a column; SigNoz keeps every number as ``number``."""
    kind = {"int": "number", "float": "number", "bool": "bool"}.get(attribute.type, "string")
    return {"name": attribute.name, "fieldContext": "attribute", "fieldDataType": kind, "signal": "traces"}


def delivered_to(exchange: str, key: str, queue: str) -> str:
    """Return the condition for what was delivered from *queue*."""
    return f"{names.ATTRIBUTE_DESTINATION.name} = '{exchange}:{key}:{queue}'"


def _narrowed(where: str, by: Json | list[Json] | None) -> Json:
    found: Json = {"filter": {"expression": where}} if where else {}
    return found | ({"groupBy": by if isinstance(by, list) else [by]} if by else {})
