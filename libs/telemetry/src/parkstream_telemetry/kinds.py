"""What a name is: an attribute, a metric, an event or a span, with all that is known of it."""

import re
from enum import Enum
from typing import Literal, Self

from msgspec import Struct, structs

AttributeType = Literal["str", "int", "float", "bool", "str[]"]
MetricKind = Literal["counter", "histogram", "gauge"]
Level = Literal["debug", "info", "warning", "error"]

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
"""Bucket bounds of a duration, s."""
COUNTS = (0.5, 1.5, 2.5, 5.5, 10.5, 20.5, 50.5, 100.5, 200.5, 500.5)
"""Bucket bounds of a batch's size: at halves, so that a percentile that is interpolated between two is a whole one."""
STAYS = (60.0, 300.0, 900.0, 1_800.0, 3_600.0, 7_200.0, 10_800.0, 14_400.0, 21_600.0, 28_800.0, 43_200.0, 86_400.0)
"""Bucket bounds of a car's stay, s."""
_PROMETHEUS_UNITS = {"s": "_seconds", "By": "_bytes"}


class Kind(Enum):
    """The side of a call that a span stands for, as OpenTelemetry names them."""

    INTERNAL = "INTERNAL"
    SERVER = "SERVER"
    CLIENT = "CLIENT"
    PRODUCER = "PRODUCER"
    CONSUMER = "CONSUMER"


class Attribute(Struct, frozen=True, eq=False):
    """One property of a span, metric or event; callers name it by *argument*, by default the last part of *name*."""

    name: str
    type: AttributeType
    meaning: str
    argument: str = ""
    values: tuple[str, ...] = ()
    """All that there are of a metric's label; none when they are not known."""

    def of(self, *values: str) -> Self:
        """Return this attribute as the label of a metric that has these *values* and no others."""
        return structs.replace(self, values=tuple(map(str, values)))

    @property
    def keyword(self) -> str:
        """Return the argument by which callers of ``add``, ``record`` and ``log`` name it."""
        return self.argument or self.name.rpartition(".")[2]


class Metric(Struct, frozen=True, eq=False):
    """A figure, with its *unit* in UCUM; *buckets* are the upper bounds of a histogram."""

    name: str
    kind: MetricKind
    unit: str
    meaning: str
    attributes: tuple[Attribute, ...] = ()
    buckets: tuple[float, ...] = ()

    @property
    def family(self) -> str:
        """Return the name under which Prometheus knows it."""
        total = "_total" if self.kind == "counter" else ""
        return self.name.replace(".", "_") + _PROMETHEUS_UNITS.get(self.unit, "") + total


class Event(Struct, frozen=True, eq=False):
    """One structured line of the log; an error's type, message and stack trace may always be added.

    One that is not *exported* stays in the process' own output.
    """

    name: str
    level: Level
    meaning: str
    attributes: tuple[Attribute, ...] = ()
    exported: bool = True


class Span(Struct, frozen=True, eq=False):
    """One step of a trace; ``{…}`` in *name* stands for what differs."""

    name: str
    kind: Kind
    service: str
    meaning: str
    attributes: tuple[Attribute, ...] = ()

    def names(self, text: str) -> bool:
        """Return whether *text* is a name of this span."""
        return re.fullmatch(re.sub(r"\\{.*?\\}", r"\\S+", re.escape(self.name)), text) is not None
