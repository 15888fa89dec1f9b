"""What SigNoz v0.138 takes as a dashboard and as a saved view: anything else is refused, and defaults fill in."""

import re
from typing import Any, Literal

from msgspec import Struct, field
from signoz_queries import BuilderPlugin, Envelope, Key, Query, Request, Strict

DNS_1123 = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
PANEL_ID = re.compile(r"[a-zA-Z0-9_.-]{1,75}")
COLUMNS = 12
DURATION = re.compile(r"([1-9]\d*(ms|[smhdwy]))+")
Comparing = Literal["above", "below", "above_or_equal", "below_or_equal", "equal", "not_equal"]
Preference = Literal[
    "global_time",
    "last_5_min",
    "last_15_min",
    "last_30_min",
    "last_1_hr",
    "last_6_hr",
    "last_1_day",
    "last_3_days",
    "last_1_week",
    "last_1_month",
]


class Formatting(Strict):
    unit: str = ""
    decimal_precision: Literal["0", "1", "2", "3", "4", "full"] = "2"


class TableFormatting(Strict):
    column_units: dict[str, str] = field(default_factory=dict)
    decimal_precision: Literal["0", "1", "2", "3", "4", "full"] = "2"


class LabelledThreshold(Strict):
    value: float
    color: str
    unit: str = ""
    label: str = ""


class Comparison(Strict):
    value: float
    color: str
    operator: Comparing = "above"
    unit: str = ""
    format: Literal["text", "background"] = "text"


class CellThreshold(Comparison, kw_only=True):
    column_name: str


class Visualization(Strict):
    time_preference: Preference = "global_time"


class LineVisualization(Visualization):
    fill_spans: bool = False


class BarVisualization(LineVisualization):
    stacked_bar_chart: bool = False


class Gaps(Strict):
    fill_only_below: bool = False
    fill_less_than: str = ""

    def __post_init__(self) -> None:
        if self.fill_only_below and not DURATION.fullmatch(self.fill_less_than):
            message = f"spanGaps.fillLessThan: a duration is required, not {self.fill_less_than!r}"
            raise ValueError(message)


class Appearance(Strict):
    line_interpolation: Literal["linear", "spline", "step_after", "step_before"] = "spline"
    show_points: bool = False
    line_style: Literal["solid", "dashed"] = "solid"
    fill_mode: Literal["solid", "gradient", "none"] = "none"
    span_gaps: Gaps = Gaps()


class Axes(Strict):
    soft_min: float | None = None
    soft_max: float | None = None
    is_log_scale: bool = False


class Legend(Strict):
    position: Literal["bottom", "right"] = "bottom"
    mode: Literal["list", "table"] = "list"
    custom_colors: dict[str, str] | None = None


class TimeSeries(Strict):
    visualization: LineVisualization = LineVisualization()
    formatting: Formatting = Formatting()
    chart_appearance: Appearance = Appearance()
    axes: Axes = Axes()
    legend: Legend = Legend()
    thresholds: list[LabelledThreshold] = field(default_factory=list)


class BarChart(Strict):
    visualization: BarVisualization = BarVisualization()
    formatting: Formatting = Formatting()
    axes: Axes = Axes()
    legend: Legend = Legend()
    thresholds: list[LabelledThreshold] = field(default_factory=list)


class Number(Strict):
    visualization: Visualization = Visualization()
    formatting: Formatting = Formatting()
    thresholds: list[Comparison] = field(default_factory=list)


class Table(Strict):
    visualization: Visualization = Visualization()
    formatting: TableFormatting = TableFormatting()
    thresholds: list[CellThreshold] = field(default_factory=list)


class Listing(Strict):
    select_fields: list[Key] = field(default_factory=list)


class TimeSeriesPanel(Strict, tag_field="kind", tag="signoz/TimeSeriesPanel"):
    spec: TimeSeries


class BarChartPanel(Strict, tag_field="kind", tag="signoz/BarChartPanel"):
    spec: BarChart


class NumberPanel(Strict, tag_field="kind", tag="signoz/NumberPanel"):
    spec: Number


class TablePanel(Strict, tag_field="kind", tag="signoz/TablePanel"):
    spec: Table


class ListPanel(Strict, tag_field="kind", tag="signoz/ListPanel"):
    spec: Listing


class Display(Strict):
    name: str
    description: str = ""


class Link(Strict):
    url: str
    name: str = ""
    tooltip: str = ""
    render_variables: bool = False
    target_blank: bool = False


class PanelSpec(Strict):
    display: Display
    plugin: TimeSeriesPanel | BarChartPanel | NumberPanel | TablePanel | ListPanel
    queries: list[Query]
    links: list[Link] = field(default_factory=list)


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
    tags: list[Tag] = field(default_factory=list)
    image: str = ""


class ViewSpec(Strict):
    display_name: str
    panel_type: Literal["value", "graph", "table", "list", "trace"]
    request_type: Request
    queries: list[Envelope]
    selected_fields: list[Key] = field(default_factory=list)


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
