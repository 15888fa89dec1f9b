"""How it is shown: panels in rows of a grid of twelve columns, as the dashboards of SigNoz (v6) have them."""

from typing import Final, Literal

from msgspec import Struct

from parkstream_definitions.figures import Json
from parkstream_definitions.queries import Asked, Envelope

COLUMNS: Final = 12
Draws = Literal["TimeSeries", "BarChart", "Number", "Table", "List"]
REQUESTS: Final = {
    "TimeSeries": "time_series",
    "BarChart": "time_series",
    "Number": "scalar",
    "Table": "scalar",
    "List": "raw",
}
RED, ORANGE, GREEN, BLUE, GREY = "#E5484D", "#F5A623", "#30A46C", "#4E74F8", "#8B8D98"
QUANTILES: Final = {"p50": GREEN, "p95": ORANGE, "p99": RED}
GAP: Final = "120s"
"""A longer one is drawn as a gap: a line across it would say what was not."""
COUNTED: Final = "none"
"""The unit of what is counted: another one would turn 1,672 cars into 1.67 K."""


class Line(Struct, frozen=True):
    """Where it becomes a matter: drawn into the panel with its reason."""

    value: float
    label: str
    color: str = RED


class Panel(Struct, frozen=True, kw_only=True):
    """One picture: *title* says what is good to know, *meaning* what to make of it; *unit* as SigNoz names units."""

    title: str
    meaning: str
    asked: Asked
    unit: str = COUNTED
    decimals: Literal["0", "1", "2", ""] = ""
    """By default none of what is counted."""
    draws: Draws = "TimeSeries"
    lines: tuple[Line, ...] = ()
    """The first has the label of all: two labels would lie over each other."""
    colors: dict[str, str] = {}
    """By legend; SigNoz picks one for others, sometimes the same for several."""
    fields: list[Json] = []
    """Columns of a list."""
    width: int = 6
    height: int = 6

    def as_json(self) -> Json:
        """Return it as a dashboard holds it."""
        return {
            "kind": "Panel",
            "spec": {
                "display": {"name": self.title, "description": self.meaning},
                "plugin": {"kind": f"signoz/{self.draws}Panel", "spec": self._looks()},
                "queries": [{"kind": REQUESTS[self.draws], "spec": {"plugin": self.asked.as_plugin()}}],
            },
        }

    def _looks(self) -> Json:
        match self.draws:
            case "List":
                return {"selectFields": self.fields}
            case "Table":
                return {"formatting": {"decimalPrecision": "1"}}
            case "Number":
                return self._number()
            case "BarChart":
                return self._chart() | {"visualization": {"stackedBarChart": True}}
            case "TimeSeries":
                gaps = {"fillOnlyBelow": True, "fillLessThan": GAP}
                return self._chart() | {"chartAppearance": {"lineInterpolation": "linear", "spanGaps": gaps}}

    def _number(self) -> Json:
        """Return the looks of a figure of now: it would take the whole chosen range.

        One line at most: when several are crossed, SigNoz marks the figure as in conflict.
        """
        thresholds = [{**self._threshold(line), "operator": "above", "format": "text"} for line in self.lines]
        visualization = {"timePreference": "last_5_min"}
        return {"visualization": visualization, "formatting": self._formatting(), "thresholds": thresholds}

    def _chart(self) -> Json:
        labels = ["; ".join(line.label for line in self.lines), *("" for _ in self.lines[1:])]
        thresholds = [
            {**self._threshold(line), "label": label} for line, label in zip(self.lines, labels, strict=False)
        ]
        return {
            "formatting": self._formatting(),
            "axes": {"softMin": 0},
            "legend": {"position": "right", "customColors": self.colors},
            "thresholds": thresholds,
        }

    def _formatting(self) -> Json:
        return {"unit": self.unit, "decimalPrecision": self.decimals or ("0" if self.unit == COUNTED else "2")}

    def _threshold(self, line: Line) -> Json:
        return {"value": line.value, "unit": self.unit, "color": line.color}


class Row(Struct, frozen=True):
    """Panels side by side under a title."""

    title: str
    panels: tuple[Panel, ...]


class Board(Struct, frozen=True, kw_only=True):
    """A dashboard; *name* never changes, it is how the provisioner finds it again."""

    name: str
    title: str
    meaning: str
    rows: tuple[Row, ...]

    def as_json(self) -> Json:
        """Return what is POSTed."""
        panels = {
            f"r{at}p{number}": panel for at, row in enumerate(self.rows) for number, panel in enumerate(row.panels)
        }
        return {
            "schemaVersion": "v6",
            "name": f"parkstream-{self.name}",
            "tags": [{"key": "managed-by", "value": "parkstream"}],
            "spec": {
                "display": {"name": f"Parkstream: {self.title}", "description": self.meaning},
                "variables": [],
                "panels": {key: panel.as_json() for key, panel in panels.items()},
                "layouts": [_grid(at, row) for at, row in enumerate(self.rows)],
            },
        }


def one(envelope: Envelope) -> Asked:
    """Ask one thing."""
    return Asked([envelope])


def _grid(at: int, row: Row) -> Json:
    items: list[Json] = []
    x = y = tallest = 0
    for number, panel in enumerate(row.panels):
        if x + panel.width > COLUMNS:
            x, y, tallest = 0, y + tallest, 0
        content = {"$ref": f"#/spec/panels/r{at}p{number}"}
        items.append({"x": x, "y": y, "width": panel.width, "height": panel.height, "content": content})
        x, tallest = x + panel.width, max(tallest, panel.height)
    return {"kind": "Grid", "spec": {"display": {"title": row.title}, "items": items}}
