"""When somebody is woken: a query, a line that it crosses, and what to do then."""

from typing import Literal

from msgspec import Struct

from parkstream_definitions.figures import Json
from parkstream_definitions.queries import Asked

CHANNEL = "parkstream-on-call"
Severity = Literal["critical", "warning"]
Matches = Literal["atleast_once", "all_the_times", "on_average", "in_total", "last"]


class Threshold(Struct, frozen=True):
    """Where it becomes *severity*."""

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
    absent_minutes: int = 0
    """After so many minutes without data it fires, too; 0 for never."""
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
            "evaluation": {"kind": "rolling", "spec": {"evalWindow": f"{self.minutes}m0s", "frequency": "1m0s"}},
            "labels": {"managed_by": "parkstream", "severity": self.thresholds[0].severity},
            "annotations": {
                "summary": f"{self.title} (now {{{{$value}}}}, limit {{{{$threshold}}}})",
                "description": f"{self.meaning} {self.then}",
                "runbook": f"docs/runbook.md#{self.runbook}",
            },
            "notificationSettings": {
                "groupBy": [],
                "renotify": {"enabled": True, "interval": "4h0m0s", "alertStates": ["firing", "nodata"]},
            },
            "disabled": False,
        }

    def _condition(self) -> Json:
        condition: Json = {
            "compositeQuery": {
                "queryType": "builder",
                "panelType": "graph",
                "unit": self.unit,
                "queries": self.asked.as_list(),
            },
            "selectedQueryName": self.asked.selected,
            "thresholds": {"kind": "basic", "spec": [self._threshold(one) for one in self.thresholds]},
        }
        if self.absent_minutes:
            condition |= {"alertOnAbsent": True, "absentFor": self.absent_minutes}
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
