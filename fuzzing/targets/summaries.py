"""Summaries: posted, answered, read again from the file, and asked for."""

import asyncio
import json
import tempfile
from collections.abc import Coroutine
from functools import cache
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl

import msgspec
from parkstream_backend.deliver.batch import DeliveryBatch, plate_in
from parkstream_backend.deliver.summary_client import UnavailableError, _is_ours, _results_of
from parkstream_events.summaries import ItemResult, ItemStatus, Outcome, PostResults, Summary, SummaryItem
from parkstream_events.wire import encode
from parkstream_projection import Entry
from parkstream_service.http import WrongFieldError
from parkstream_summary_api.bodies import ITEMS_MAX, PROBLEM_LENGTH_MAX, MalformedError, TooManyItemsError, parsed
from parkstream_summary_api.core.ledger import kept_of
from parkstream_summary_api.file_lines import heading_of
from parkstream_summary_api.reader import Filter, Reading, _readable
from parkstream_summary_api.summary_file import Journal

from fuzzing.target import MIB, Target, promise
from fuzzing.targets.events import NOW, PLATE

ITEM: Final = SummaryItem(
    visit_id="exit:out-1@1790000000000000",
    revision=1,
    outcome=Outcome.COMPLETED,
    vehicle_plate=PLATE,
    entry_date_time=NOW,
    exit_date_time=NOW,
    duration="PT0S",
    duration_ms=0,
    entry_event_id="in-1",
    exit_event_id="out-1",
    position=2,
    traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    published_at_us=1_790_000_000_000_000,
)
SUMMARY: Final = kept_of(ITEM)
RESULT: Final = ItemResult(visit_id=ITEM.visit_id, revision=1, status=ItemStatus.WRITTEN)
REFUSED: Final = ItemResult(visit_id=ITEM.visit_id, revision=1, status=ItemStatus.CONFLICT, problem="another")
ENTRY: Final = Entry("1-0", ITEM.visit_id, 1, encode(ITEM), 0, 0, ITEM.traceparent)
PROBLEM: Final = b'{"type":"urn:parkstream:too-many-items","title":"t","status":413,"detail":"d"}'


def _posted(data: bytes) -> bool:
    try:
        found = parsed(data)
    except (MalformedError, TooManyItemsError):
        return False
    results = found.answered([ItemStatus.WRITTEN] * len(found.items))
    promise(len(results) <= ITEMS_MAX, "no more is taken than one request may hold")
    promise(sum(one.status is ItemStatus.WRITTEN for one in results) == len(found.items), "each item has its answer")
    promise(all(len(one.problem or "") <= PROBLEM_LENGTH_MAX for one in results), "a problem is short")
    encode(PostResults(results))
    for item in found.items:
        promise(msgspec.json.decode(encode(item), type=SummaryItem) == item, "an item comes back from its JSON")
        line = encode(kept_of(item))
        promise(b"\n" not in line and _readable(line) == kept_of(item), "what is written can be read")
        promise(heading_of(line), "what is written can be indexed")
        json.loads(line)
    return bool(found.items)


def _answered(data: bytes) -> bool:
    """Read it as an answer, and as an item of the outbox."""
    _is_ours(data)
    plate_in(data)
    batch = DeliveryBatch([ENTRY], [ENTRY.item], [None], [], 0)
    try:
        results = _results_of(data, 1)
        batch.check(results)
    except UnavailableError as error:
        error.public.encode()
        return False
    batch.answered(results)
    return True


def _line(data: bytes) -> bool:
    heading, summary = heading_of(data), _readable(data)
    promise(summary is None or heading is not None, "what can be read can be indexed")
    if summary is not None:
        promise(msgspec.json.decode(encode(summary), type=Summary) == summary, "a summary comes back from its JSON")
    return summary is not None


class _File:
    """A summary file of three lines, and questions to it that need no index."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory()
        journal = Journal(Path(self._folder.name, "summaries.jsonl"))
        journal.open()
        journal.append((encode(SUMMARY) + b"\n") * 3)
        no_index: Any = None
        self._reading = Reading(journal, no_index, no_index)
        self._loop = asyncio.new_event_loop()

    def ask(self, asked: dict[str, str]) -> int:
        """Return how many summaries are the answer."""
        outcome = Outcome(asked["outcome"]) if asked.get("outcome") in set(Outcome) else None
        wanted = Filter.of(outcome, asked.get("plate"), asked.get("from"), asked.get("to"), current=False)
        page: Coroutine[Any, Any, Any] = self._reading.page(wanted, asked.get("cursor"), 2)
        found = self._loop.run_until_complete(page)
        promise(len(found.summaries) <= 2, "no more is given than was asked for")
        return len(encode(found))


@cache
def _file() -> _File:
    return _File()


def _asked(data: bytes) -> bool:
    asked = dict(parse_qsl(data.decode("latin-1"), keep_blank_values=True, encoding="utf-8", errors="surrogateescape"))
    try:
        return bool(_file().ask(asked))
    except WrongFieldError as error:
        promise(error.field in {"plate", "from", "to", "cursor"}, "a refusal names its parameter")
        return False


AFTER_ONE: Final = len(encode(SUMMARY)) + 1
TARGETS: Final = (
    Target(
        name="bodies",
        about="bodies of POST /v1/summaries",
        samples=(
            encode(ITEM),
            encode([ITEM, ITEM]),
            encode([SUMMARY] * 4),
            encode({**msgspec.to_builtins(ITEM), "x": {"a": 1}}),
        ),
        weight=6,
        check=_posted,
        bytes_max=4 * MIB,
    ),
    Target(
        name="answers",
        about="answers of the summary API, as the backend's deliver role reads them",
        samples=(encode(PostResults([RESULT])), encode(PostResults([REFUSED])), PROBLEM, ENTRY.item),
        check=_answered,
        weight=10,
    ),
    Target(
        name="summary-lines",
        about="lines of the summary file, as they are indexed and read again",
        samples=(encode(SUMMARY), encode({**msgspec.to_builtins(SUMMARY), "later": [1, {"a": None}]})),
        check=_line,
        weight=8,
    ),
    Target(
        name="queries",
        about="query parameters of the summary API: plate, times, cursor",
        samples=(
            f"plate={PLATE}&from=2026-01-31T09:00:00Z&to=2027-01-31T09:00:00%2B01:00&cursor={AFTER_ONE}".encode(),
            b"outcome=completed&cursor=0&plate=%C3%A9-1",
            f"cursor={AFTER_ONE}".encode(),
        ),
        weight=0.7,
        check=_asked,
        calls_per_byte=500,
    ),
)
