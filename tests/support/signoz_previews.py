"""What SigNoz v0.138 answers to queries: a dry run that only says what it thinks of them, and a run."""

import json
import re
from datetime import datetime
from typing import Any

NOT_STANDALONE = (
    'query type "builder_formula" has no standalone statement to preview; '
    "it is evaluated from the queries it references"
)
NEVER_ONE = "metric {} has never been received. Check the metric name and instrumentation"
NEVER_SEVERAL = "the following metrics have never been received. Check the metric names and instrumentation: {}"
NO_KEY = (
    "key `{}` not found in metadata; querying the underlying data directly. "
    "If this is unexpected, check the key name for typos."
)
DORMANT_ONE = "no data found for the metric {} (last seen 2 hours ago) in the query time range"
DORMANT_SEVERAL = "no data found for the following metrics in the query time range: {}"


class RefusedError(Exception):
    """The answer is an error."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code = status, code


class Queries:
    """Answers as if every metric had been received but those that are ``never_received`` or ``dormant``."""

    def __init__(self) -> None:
        self.never_received: set[str] = set()
        self.dormant: set[str] = set()
        self.unknown_keys: set[str] = set()
        self.spans: list[dict[str, Any]] = []
        """Rows as a query for raw spans gives them."""

    def preview(self, body: dict[str, Any], **_: Any) -> tuple[int, Any]:
        queries = _queries_of(body)
        names = {query["spec"]["name"] for query in queries}
        return 200, {"compositeQuery": {query["spec"]["name"]: self._previewed(query, names) for query in queries}}

    def query_range(self, body: dict[str, Any], **_: Any) -> tuple[int, Any]:
        raw = body["requestType"] == "raw"
        results = [self._rows(query, body) if raw else self._result(query, body["end"]) for query in _queries_of(body)]
        return 200, {"type": body["requestType"], "data": {"results": results}, "meta": {}}

    def _result(self, query: dict[str, Any], end_ms: int) -> dict[str, Any]:
        missing = metrics_of(query) & (self.never_received | self.dormant)
        series = [] if missing else [{"values": [{"timestamp": end_ms - 60_000, "value": 1.0}]}]
        return {"queryName": query["spec"]["name"], "aggregations": [{"index": 0, "alias": "", "series": series}]}

    def _rows(self, query: dict[str, Any], body: dict[str, Any]) -> dict[str, Any]:
        """Return the spans of the traces that are asked for by id; of each what is selected, and its ids."""
        wanted = re.fullmatch(r"trace_id IN \((.*)\)", query["spec"]["filter"]["expression"])
        if query["spec"]["signal"] != "traces" or wanted is None:
            raise RefusedError(400, "invalid_input", "only traces by their ids are kept here")
        ids = set(re.findall("'([0-9a-f]{32})'", wanted[1]))
        selected = {"trace_id", "span_id", *(field["name"] for field in query["spec"]["selectFields"])}
        rows = [
            {**row, "data": {name: value for name, value in row["data"].items() if name in selected}}
            for row in self.spans
            if row["data"]["trace_id"] in ids and body["start"] <= _ms(row["timestamp"]) < body["end"]
        ]
        return {"queryName": query["spec"]["name"], "rows": rows[: query["spec"]["limit"]] or None}

    def _previewed(self, query: dict[str, Any], names: set[str]) -> dict[str, Any]:
        spec = query["spec"]
        expression = (spec.get("filter") or {}).get("expression", "")
        warnings: list[str] = []
        if expression.count("'") % 2 or re.search(r"(AND|OR|=|>)\s*$", expression):
            raise RefusedError(400, "invalid_input", f"filter syntax error: {expression}")
        if query["type"] == "clickhouse_sql" and not re.match(r"\s*(SELECT|WITH)\b", spec["query"]):
            return {"valid": False, "error": {"message": "Syntax error: failed at position 1"}, "warnings": []}
        if query["type"] == "promql" and spec["query"].count("(") != spec["query"].count(")"):
            warnings.append("could not render underlying ClickHouse SQL: unclosed left parenthesis")
        if query["type"] == "builder_formula":
            if set(re.findall(r"\b[A-Z]\b", spec["expression"])) - names:
                return {"valid": False, "error": {"message": "unknown query in the formula"}, "warnings": []}
            warnings.append(NOT_STANDALONE)
        asked = metrics_of(query)
        warnings += _about(asked & self.never_received, NEVER_ONE, NEVER_SEVERAL)
        warnings += _about(asked & self.dormant, DORMANT_ONE, DORMANT_SEVERAL)
        warnings += [NO_KEY.format(key) for key in sorted(self.unknown_keys) if key in expression]
        return {"valid": True, "error": None, "warnings": warnings, "statements": []}


def _queries_of(body: dict[str, Any]) -> list[dict[str, Any]]:
    if not {"start", "end", "requestType", "compositeQuery"} <= body.keys():
        raise RefusedError(400, "invalid_input", "a query_range body")
    found: list[dict[str, Any]] = body["compositeQuery"]["queries"]
    return found


def _ms(timestamp: str) -> float:
    return datetime.fromisoformat(timestamp).timestamp() * 1_000


def metrics_of(body: object) -> set[str]:
    """Return the metrics that are asked for anywhere in *body*."""
    return set(re.findall(r'"metricName": "([^"]+)"', json.dumps(body)))


def _about(metrics: set[str], one: str, several: str) -> list[str]:
    text = one if len(metrics) == 1 else several
    return [text.format(", ".join(sorted(metrics)))] if metrics else []
