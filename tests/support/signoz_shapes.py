"""What SigNoz v0.138 takes as a dashboard and as a saved view: anything else is refused, and defaults fill in."""

import re
from typing import Any, Literal

from msgspec import Struct

DNS_1123 = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
PANEL_ID = re.compile(r"[a-zA-Z0-9_.-]{1,75}")
COLUMNS = 12


class Strict(Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """Refuses what it does not list."""


class Key(Strict):
    name: str
    field_context: str = ""
    field_data_type: str = ""
    signal: str = ""


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
    kind: Literal["time_series", "scalar", "raw", "trace"]
    spec: QuerySpec


class Formatting(Strict):
    unit: str = ""
    decimal_precision: Literal["0", "1", "2", "3", "4", "full"] = "2"


class TableFormatting(Strict):
    column_units: dict[str, str] = {}
    decimal_precision: Literal["0", "1", "2", "3", "4", "full"] = "2"


class LabelledThreshold(Strict):
    value: float
    color: str
    unit: str = ""
    label: str = ""


class Comparison(Strict):
    value: float
    color: str
    operator: Literal[">", "<", ">=", "<=", "="] = ">"
    unit: str = ""
    format: Literal["text", "background"] = "text"


class Visualization(Strict):
    time_preference: str = "global_time"
    fill_spans: bool = False


class Legend(Strict):
    position: Literal["bottom", "right"] = "bottom"
    mode: Literal["list"] = "list"


class Chart(Strict):
    visualization: Visualization = Visualization()
    formatting: Formatting = Formatting()
    legend: Legend = Legend()
    thresholds: list[LabelledThreshold] = []


class Number(Strict):
    visualization: Visualization = Visualization()
    formatting: Formatting = Formatting()
    thresholds: list[Comparison] = []


class Table(Strict):
    visualization: Visualization = Visualization()
    formatting: TableFormatting = TableFormatting()


class Listing(Strict):
    select_fields: list[Key] = []


class TimeSeriesPanel(Strict, tag_field="kind", tag="signoz/TimeSeriesPanel"):
    spec: Chart


class BarChartPanel(Strict, tag_field="kind", tag="signoz/BarChartPanel"):
    spec: Chart


class NumberPanel(Strict, tag_field="kind", tag="signoz/NumberPanel"):
    spec: Number


class TablePanel(Strict, tag_field="kind", tag="signoz/TablePanel"):
    spec: Table


class ListPanel(Strict, tag_field="kind", tag="signoz/ListPanel"):
    spec: Listing


class Display(Strict):
    name: str
    description: str = ""


class PanelSpec(Strict):
    display: Display
    plugin: TimeSeriesPanel | BarChartPanel | NumberPanel | TablePanel | ListPanel
    queries: list[Query]


class Panel(Strict):
    kind: Literal["Panel"]
    spec: PanelSpec


class Reference(Struct, forbid_unknown_fields=True, rename={"ref": "$ref"}):
    ref: str


class Item(Strict):
    x: int
    y: int
    width: int
    height: int
    content: Reference


class GridDisplay(Strict):
    title: str


class GridSpec(Strict):
    items: list[Item]
    display: GridDisplay | None = None


class Grid(Strict):
    kind: Literal["Grid"]
    spec: GridSpec


class DashboardSpec(Strict):
    display: Display
    variables: list[Any]
    panels: dict[str, Panel]
    layouts: list[Grid]


class Tag(Strict):
    key: str
    value: str


class Dashboard(Strict):
    schema_version: Literal["v6"]
    name: str
    spec: DashboardSpec
    tags: list[Tag] = []
    image: str = ""


class ViewSpec(Strict):
    display_name: str
    panel_type: Literal["value", "graph", "table", "list", "trace"]
    queries: list[Envelope]
    selected_fields: list[Key] = []


class ViewUpdate(Strict):
    source: Literal["traces", "logs", "metrics", "meter"]
    schema_version: Literal["v2"]
    spec: ViewSpec


class View(ViewUpdate, kw_only=True):
    name: str


def problem_of(board: Dashboard) -> str:
    """Return what is wrong with *board* beyond its shape."""
    if not DNS_1123.fullmatch(board.name):
        return f"name {board.name!r} is no DNS-1123 label"
    if len(board.spec.display.name) > 128 or any(
        len(one.spec.display.name) > 128 for one in board.spec.panels.values()
    ):
        return "a name must be at most 128 characters"
    for key, panel in board.spec.panels.items():
        if not PANEL_ID.fullmatch(key):
            return f"panel id {key!r}"
        if len(panel.spec.queries) != 1:
            return f"spec.panels.{key}.spec.queries: panel must have one query, found {len(panel.spec.queries)}"
        is_list = isinstance(panel.spec.plugin, ListPanel)
        if is_list and not isinstance(panel.spec.queries[0].spec.plugin, BuilderPlugin):
            return f"spec.panels.{key}: a list takes a builder query only"
    return layout_problem(board.spec)


def layout_problem(spec: DashboardSpec) -> str:
    """Return what is wrong with the grid of *spec*."""
    placed: set[str] = set()
    for layout in spec.layouts:
        taken: set[tuple[int, int]] = set()
        for item in layout.spec.items:
            key = item.content.ref.removeprefix("#/spec/panels/")
            if key not in spec.panels or key in placed:
                return f"{item.content.ref} references no panel, or one that is placed already"
            placed.add(key)
            if item.x < 0 or item.width < 1 or item.height < 1 or item.x + item.width > COLUMNS:
                return f"{key} exceeds the grid"
            cells = {(item.x + x, item.y + y) for x in range(item.width) for y in range(item.height)}
            if cells & taken:
                return f"{key} overlaps"
            taken |= cells
    return ""
