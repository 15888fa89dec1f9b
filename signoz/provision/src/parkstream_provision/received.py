"""Whether a rule of missing data may be made: SigNoz lets it fire at once when it has never had its figure."""

import time
from http import HTTPStatus
from typing import Final

from parkstream_provision.api import Api
from parkstream_provision.errors import RefusedError
from parkstream_provision.shapes import Json, entries, fields

PATH: Final = "/api/v5/query_range"
WINDOW_MS: Final = 180_000
"""A rate needs two minutes, and the running one is left out."""
SETTLED_MS: Final = 120_000
"""So long ago, what came is surely in the window of the rule's first evaluation, too."""


def too_early(api: Api, body: Json) -> bool:
    """Return whether *body* is a rule of missing data whose figure has not come yet.

    A query that SigNoz refuses as wrong never brings one: the rule is made, and ``--check`` says what is wrong with it.
    """
    condition = fields(body.get("condition"))
    if not condition.get("alertOnAbsent"):
        return False
    try:
        return not _has_come(api, entries(fields(condition.get("compositeQuery")).get("queries")))
    except RefusedError as error:
        return error.status >= HTTPStatus.INTERNAL_SERVER_ERROR


def _has_come(api: Api, queries: list[Json]) -> bool:
    end_ms = time.time_ns() // 1_000_000 - SETTLED_MS
    question: Json = {
        "schemaVersion": "v1",
        "start": end_ms - WINDOW_MS,
        "end": end_ms,
        "requestType": "time_series",
        "compositeQuery": {"queries": queries},
        "variables": {},
    }
    results = entries(fields(fields(api.call("POST", PATH, question)).get("data")).get("results"))
    buckets = [bucket for result in results for bucket in entries(fields(result).get("aggregations"))]
    return any(fields(bucket).get("series") for bucket in buckets)
