"""What SigNoz v0.138 takes as a query: anything else is refused, and defaults fill in."""

from typing import Literal

import msgspec
from msgspec import Struct

NUMBERS = ("number", "float64", "float32", "float", "double", "int", "int32", "uint64")
DATA_TYPES = {"": "", "string": "string", "bool": "bool", "int64": "int64"} | dict.fromkeys(NUMBERS, "number")
Request = Literal["time_series", "scalar", "raw", "trace"]


class Strict(Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """Refuses what it does not list."""


class Key(Strict):
    name: str
    field_context: str = ""
    field_data_type: str = ""
    signal: str = ""

    def __post_init__(self) -> None:
        if self.field_data_type not in DATA_TYPES:
            message = f"unknown fieldDataType {self.field_data_type!r}"
            raise ValueError(message)
        # As it is kept, and given back.
        msgspec.structs.force_setattr(self, "field_data_type", DATA_TYPES[self.field_data_type])


class Filter(Strict):
    expression: str


class MetricAggregation(Strict):
    metric_name: str
    space_aggregation: Literal["sum", "avg", "min", "max", "count", "p50", "p75", "p90", "p95", "p99"]
    time_aggregation: Literal["latest", "sum", "avg", "min", "max", "count", "rate", "increase", ""] = ""
    reduce_to: Literal["sum", "count", "avg", "min", "max", "last", "median", ""] = ""
    temporality: str = ""


class TraceAggregation(Strict):
    expression: str
    alias: str = ""


class Order(Strict):
    key: Key
    direction: Literal["asc", "desc"]


class Builder(Strict):
    name: str
    disabled: bool = False
    filter: Filter | None = None
    group_by: list[Key] = []
    order: list[Order] = []
    select_fields: list[Key] = []
    limit: int = 0
    offset: int = 0
    legend: str = ""
    step_interval: int | None = None
    having: Filter | None = None


class MetricBuilder(Builder, tag_field="signal", tag="metrics", kw_only=True):
    aggregations: list[MetricAggregation]


class TraceBuilder(Builder, tag_field="signal", tag="traces"):
    aggregations: list[TraceAggregation] = []


class LogBuilder(Builder, tag_field="signal", tag="logs"):
    aggregations: list[TraceAggregation] = []


class Formula(Strict):
    name: str
    expression: str
    legend: str = ""
    disabled: bool = False


class Sql(Strict):
    name: str
    query: str
    legend: str = ""
    disabled: bool = False


AnyBuilder = MetricBuilder | TraceBuilder | LogBuilder


class BuilderEnvelope(Strict, tag_field="type", tag="builder_query"):
    spec: AnyBuilder


class FormulaEnvelope(Strict, tag_field="type", tag="builder_formula"):
    spec: Formula


class SqlEnvelope(Strict, tag_field="type", tag="clickhouse_sql"):
    spec: Sql


Envelope = BuilderEnvelope | FormulaEnvelope | SqlEnvelope


class Queries(Strict):
    queries: list[Envelope]


class BuilderPlugin(Strict, tag_field="kind", tag="signoz/BuilderQuery"):
    spec: AnyBuilder


class FormulaPlugin(Strict, tag_field="kind", tag="signoz/Formula"):
    spec: Formula


class SqlPlugin(Strict, tag_field="kind", tag="signoz/ClickHouseSQL"):
    spec: Sql


class CompositePlugin(Strict, tag_field="kind", tag="signoz/CompositeQuery"):
    spec: Queries


class QuerySpec(Strict):
    plugin: BuilderPlugin | FormulaPlugin | SqlPlugin | CompositePlugin
    name: str = ""


class Query(Strict):
    kind: Request
    spec: QuerySpec
