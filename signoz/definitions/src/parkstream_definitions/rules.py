"""When somebody is woken: a query, a line that it crosses, and what to do then."""

from typing import Final, Literal

from msgspec import Struct

from parkstream_definitions.figures import Json
from parkstream_definitions.queries import Asked

CHANNEL: Final = "parkstream-on-call"
RUNBOOK: Final = "${PARKSTREAM_RUNBOOK_URL:-http://localhost:8005/runbook}"
SPARE_POINTS: Final = 2
"""The first minute of a rate has no figure, and the running one is left out."""
Severity = Literal["critical", "warning"]
Matches = Literal["atleast_once", "all_the_times", "on_average", "in_total", "last"]


class Threshold(Struct, frozen=True):
    """Where it becomes *severity*, which SigNoz makes the alert's label of that name."""

    severity: Severity
    target: float


class Rule(Struct, frozen=True, kw_only=True):
    """An alert; *then* is what to do, and *runbook* the part of docs/runbook.md that says how."""

    name: str
    title: str
    meaning: str
    then: str
    runbook: str
    asked: Asked
    unit: str
    op: Literal["above", "below", "equal"] = "above"
    matches: Matches = "all_the_times"
    thresholds: tuple[Threshold, ...]
    minutes: int = 5
    seconds_between: int = 60
    """How often it is looked at."""
    signal: Literal["METRIC", "TRACES"] = "METRIC"

    def as_json(self) -> Json:
        """Return what is POSTed."""
        return {
            "alert": f"Parkstream: {self.title}",
            "alertType": f"{self.signal}_BASED_ALERT",
            "ruleType": "threshold_rule",
            "schemaVersion": "v2alpha1",
            "version": "v5",
            "description": self.meaning,
            "condition": self._condition(),
            "evaluation": {"kind": "rolling", "spec": {"evalWindow": f"{self.minutes}m0s", "frequency": self._often()}},
            "labels": self._labels(),
            "annotations": {
                "summary": self._summary(),
                "description": f"{self.meaning} {self.then}",
                "runbook": f"{RUNBOOK}#{self.runbook}",
            },
            "notificationSettings": {
                "groupBy": [],
                "renotify": {"enabled": True, "interval": "4h0m0s", "alertStates": ["firing", "nodata"]},
            },
            "disabled": False,
        }

    def _labels(self) -> dict[str, str]:
        """Return its own labels: a severity among them would cover that of the threshold that was crossed."""
        return {"managed_by": "parkstream"}

    def _summary(self) -> str:
        return f"{self.title} (now {{{{$value}}}}, limit {{{{$threshold}}}})"

    def _often(self) -> str:
        minutes, seconds = divmod(self.seconds_between, 60)
        return f"{minutes}m{seconds}s" if minutes else f"{seconds}s"

    def _condition(self) -> Json:
        condition: Json = {
            "compositeQuery": {
                "queryType": self.asked.language,
                "panelType": "graph",
                "unit": self.unit,
                "queries": self.asked.as_list(),
            },
            "selectedQueryName": self.asked.selected,
            "thresholds": {"kind": "basic", "spec": [self._threshold(one) for one in self.thresholds]},
        }
        if self.matches == "all_the_times":  # Else the first point of a new series would be all of them.
            condition |= {"requireMinPoints": True, "requiredNumPoints": self.minutes - SPARE_POINTS}
        return condition

    def _threshold(self, one: Threshold) -> Json:
        return {
            "name": one.severity,
            "target": one.target,
            "targetUnit": self.unit,
            "op": self.op,
            "matchType": self.matches,
            "channels": [CHANNEL],
        }


class Silence(Rule, frozen=True, kw_only=True):
    """An alert for a figure that nobody reports any more.

    SigNoz puts ``[No data]`` in front of its name and knows no threshold then: it has a severity and a text of its own.
    It would fire at once if its metric had never been received: the provisioner waits for that.
    """

    unit: str = "none"
    op: Literal["above", "below", "equal"] = "below"
    matches: Matches = "last"
    thresholds: tuple[Threshold, ...] = (Threshold("critical", 0),)
    """Never crossed by what cannot be negative."""

    def _labels(self) -> dict[str, str]:
        return {**super()._labels(), "severity": "critical"}

    def _summary(self) -> str:
        return f"{self.title} for {self.minutes} minutes"

    def _condition(self) -> Json:
        return {**super()._condition(), "alertOnAbsent": True, "absentFor": self.minutes}
