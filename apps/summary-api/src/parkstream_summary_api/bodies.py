"""From the body of a POST to summaries: item by item, so that a bad one keeps no other from being written."""

from typing import Any, Final, NamedTuple

import msgspec
from parkstream_events.summaries import ItemResult, ItemStatus, SummaryItem

ITEMS_MAX: Final = 100
ITEM_BYTES_MAX: Final = 64 * 1024
BODY_BYTES_MAX: Final = ITEMS_MAX * (ITEM_BYTES_MAX + 2)

_array = msgspec.json.Decoder(list[msgspec.Raw]).decode
_single = msgspec.json.Decoder(msgspec.Raw).decode
_item = msgspec.json.Decoder(SummaryItem).decode


class Named(msgspec.Struct):
    """What an invalid item calls itself, if it does."""

    visit_id: Any = ""
    revision: Any = 0


_named = msgspec.json.Decoder(Named).decode


class MalformedError(Exception):
    """The body is not JSON; no item of it can be read."""


class TooManyItemsError(Exception):
    """The body holds more items than one request may."""

    def __init__(self, count: int) -> None:
        super().__init__(f"{count} summaries; at most {ITEMS_MAX} are taken at once")


class Parsed(NamedTuple):
    """A body: its valid items, and the answers to all, None where the answer is still to come."""

    items: list[SummaryItem]
    results: list[ItemResult | None]

    def answered(self, statuses: list[ItemStatus]) -> list[ItemResult]:
        """Return one result per item of the body, given the *statuses* of the valid ones."""
        taken = (_result(item, status) for item, status in zip(self.items, statuses, strict=True))
        return [next(taken) if result is None else result for result in self.results]


def parsed(body: bytes) -> Parsed:
    """Return what *body* holds, one object or an array; raise ``MalformedError`` or ``TooManyItemsError``."""
    try:
        raws = _array(body) if body.lstrip()[:1] == b"[" else [_single(body)]
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise MalformedError(str(error)) from error
    if len(raws) > ITEMS_MAX:
        raise TooManyItemsError(len(raws))
    items: list[SummaryItem] = []
    results: list[ItemResult | None] = []
    for raw in raws:
        read = _read(raw)
        if isinstance(read, SummaryItem):
            items.append(read)
        results.append(read if isinstance(read, ItemResult) else None)
    return Parsed(items, results)


def _read(raw: msgspec.Raw) -> SummaryItem | ItemResult:
    size = len(memoryview(raw))
    if size > ITEM_BYTES_MAX:
        return _invalid(raw, f"{size} bytes; at most {ITEM_BYTES_MAX} are taken - at `$`")
    try:
        return _item(raw)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return _invalid(raw, str(error))


def _invalid(raw: msgspec.Raw, problem: str) -> ItemResult:
    try:
        named = _named(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        named = Named()
    visit_id = named.visit_id if isinstance(named.visit_id, str) else ""
    revision = named.revision if isinstance(named.revision, int) else 0
    return ItemResult(visit_id=visit_id[:210], revision=revision, status=ItemStatus.INVALID, problem=problem)


def _result(item: SummaryItem, status: ItemStatus) -> ItemResult:
    problem = None
    if status is ItemStatus.CONFLICT:
        problem = "this revision was written before with another content - at `$.revision`"
    return ItemResult(visit_id=item.visit_id, revision=item.revision, status=status, problem=problem)
