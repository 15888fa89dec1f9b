"""How it is shown: panels in rows of a grid of twelve columns, as the dashboards of SigNoz (v6) have them."""

from typing import Literal

from msgspec import Struct

from parkstream_definitions.figures import Json
from parkstream_definitions.queries import Asked, Envelope

COLUMNS = 12
Draws = Literal["TimeSeries", "BarChart", "Number", "Table", "List"]
REQUESTS = {
    "TimeSeries": "time_series",
    "BarChart": "time_series",
    "Number": "scalar",
    "Table": "scalar",
    "List": "raw",
}
RED, ORANGE = "#E5484D", "#F5A623"


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
    unit: str = "short"
    draws: Draws = "TimeSeries"
    lines: tuple[Line, ...] = ()
    columns: dict[str, str] = {}
    """Units of a table's columns."""
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
                return {"formatting": {"columnUnits": self.columns, "decimalPrecision": "2"}}
            case "Number":
                thresholds = [{**self._threshold(line), "operator": ">", "format": "text"} for line in self.lines]
            case _:
                thresholds = [{**self._threshold(line), "label": line.label} for line in self.lines]
        return {"formatting": {"unit": self.unit, "decimalPrecision": "2"}, "thresholds": thresholds}

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
