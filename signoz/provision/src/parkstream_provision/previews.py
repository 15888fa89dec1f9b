"""Whether the queries mean anything: SigNoz takes a dashboard with a broken one, and only its preview says so."""

import time
from collections.abc import Iterator
from typing import Final

from msgspec import Struct

from parkstream_provision.api import Api
from parkstream_provision.errors import RefusedError
from parkstream_provision.files import Wanted
from parkstream_provision.names import Level, Names, judged
from parkstream_provision.shapes import Json, entries, fields

PATH: Final = "/api/v5/query_range/preview"
WINDOW_MS: Final = 3_600_000
TYPES: Final = {
    "signoz/BuilderQuery": "builder_query",
    "signoz/Formula": "builder_formula",
    "signoz/PromQLQuery": "promql",
    "signoz/ClickHouseSQL": "clickhouse_sql",
    "signoz/TraceOperator": "builder_trace_operator",
}


class Question(Struct, frozen=True):
    """The queries of one panel, rule or view, and where they stand."""

    where: str
    request: str
    queries: list[Json]


class Finding(Struct, frozen=True):
    """What the preview says of a query; a note is no fault: something rare has not come yet."""

    where: str
    query: str
    level: Level
    message: str


def questions(wanted: Wanted) -> Iterator[Question]:
    """Yield every question that *wanted* asks."""
    for board in wanted.by_kind["dashboards"]:
        for key, panel in board["spec"]["panels"].items():
            for query in panel["spec"]["queries"]:
                title = panel["spec"]["display"]["name"]
                yield Question(f"{board['name']}, panel {key} ({title})", query["kind"], _of_panel(query))
    for rule in wanted.by_kind["rules"]:
        yield Question(f"rule {rule['alert']}", "time_series", rule["condition"]["compositeQuery"]["queries"])
    for view in wanted.by_kind["views"]:
        yield Question(f"view {view['name']}", "raw", view["spec"]["queries"])


def previewed(api: Api, wanted: Wanted) -> list[Finding]:
    """Return what is wrong with the queries, or may be."""
    found = [finding for question in questions(wanted) for finding in _preview(api, question, wanted.names)]
    return list(dict.fromkeys(found))


def _preview(api: Api, question: Question, names: Names) -> Iterator[Finding]:
    now_ms = time.time_ns() // 1_000_000
    body: Json = {
        "schemaVersion": "v1",
        "start": now_ms - WINDOW_MS,
        "end": now_ms,
        "requestType": question.request,
        "compositeQuery": {"queries": question.queries},
        "variables": {},
    }
    try:
        answer = api.call("POST", PATH, body)
    except RefusedError as error:
        yield Finding(question.where, "", "error", error.detail)
        return
    for name, preview in fields(fields(answer).get("compositeQuery")).items():
        if not preview.get("valid", True):
            yield Finding(question.where, name, "error", _text(preview.get("error") or "not valid"))
        for warning in entries(preview.get("warnings")):
            for level, message in judged(_text(warning), names):
                yield Finding(question.where, name, level, message)


def _of_panel(query: Json) -> list[Json]:
    plugin = query["spec"]["plugin"]
    if plugin["kind"] == "signoz/CompositeQuery":
        queries: list[Json] = plugin["spec"]["queries"]
        return queries
    return [{"type": TYPES[plugin["kind"]], "spec": plugin["spec"]}]


def _text(message: object) -> str:
    return str(fields(message).get("message", message))
