"""From the body of a POST to summaries: item by item, so that a bad one keeps no other from being written."""

from collections.abc import Callable
from typing import Annotated, Final, NamedTuple, TypeVar

import msgspec
from parkstream_events.summaries import REVISION_MAX, VISIT_ID_LENGTH_MAX, ItemResult, ItemStatus, SummaryItem
from parkstream_events.wire import UNREADABLE, encode

from parkstream_summary_api.odd_json import TOO_DEEP, UnbalancedError, holds_more_than, is_deep, items_of, oddity_of

ITEMS_MAX: Final = 100
ITEM_BYTES_MAX: Final = 64 * 1024
BODY_BYTES_MAX: Final = ITEMS_MAX * (ITEM_BYTES_MAX + 2)
PROBLEM_LENGTH_MAX: Final = 500
"""Longer ones lose their middle: the field is named at the end."""
Read = TypeVar("Read")

_array = msgspec.json.Decoder(list[msgspec.Raw]).decode
_single = msgspec.json.Decoder(msgspec.Raw).decode
_item = msgspec.json.Decoder(SummaryItem).decode


class Named(msgspec.Struct):
    """What an invalid item calls itself, if it does."""

    visit_id: msgspec.Raw = msgspec.Raw(b'""')
    revision: msgspec.Raw = msgspec.Raw(b"0")


_named = msgspec.json.Decoder(Named).decode
_visit_id = msgspec.json.Decoder(str).decode
_revision = msgspec.json.Decoder(Annotated[int, msgspec.Meta(gt=0, le=REVISION_MAX)]).decode


class MalformedError(Exception):
    """The body is not JSON; no item of it can be read."""


class TooManyItemsError(Exception):
    """The body holds more items than one request may."""

    def __init__(self) -> None:
        super().__init__(f"at most {ITEMS_MAX} summaries are taken at once")


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
    raws = _raws(body)
    if len(raws) > ITEMS_MAX:
        raise TooManyItemsError
    items: list[SummaryItem] = []
    results: list[ItemResult | None] = []
    for raw in raws:
        read = _read(raw)
        if isinstance(read, SummaryItem):
            items.append(read)
        results.append(read if isinstance(read, ItemResult) else None)
    return Parsed(items, results)


def _raws(body: bytes) -> list[bytes]:
    """Return the items of *body*; what is wrong within one of them keeps no other from being read."""
    several = body.lstrip()[:1] == b"["
    if several and holds_more_than(ITEMS_MAX, body):
        raise TooManyItemsError
    try:
        return [bytes(raw) for raw in _array(body)] if several else [bytes(_single(body))]
    except RecursionError:
        return _apart(body) if several else [body]
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        if several:
            return _apart(body, str(error))
        raise MalformedError(str(error)) from error


def _apart(array: bytes, problem: str = TOO_DEEP) -> list[bytes]:
    try:
        return items_of(array)
    except UnbalancedError as error:
        raise MalformedError(problem) from error


def _read(raw: bytes) -> SummaryItem | ItemResult:
    if len(raw) > ITEM_BYTES_MAX:
        return _invalid(raw, f"{len(raw)} bytes; at most {ITEM_BYTES_MAX} are taken - at `$`")
    if is_deep(raw):
        return _invalid(raw, TOO_DEEP)
    try:
        item = _item(raw)
    except UNREADABLE as error:
        return _invalid(raw, str(error))
    oddity = "" if encode(item) == raw else oddity_of(raw)
    return _invalid(raw, oddity) if oddity else item


def _invalid(raw: bytes, problem: str) -> ItemResult:
    try:
        named = _named(raw)
    except UNREADABLE:
        named = Named()
    return ItemResult(
        visit_id=_read_or(_visit_id, named.visit_id, "")[:VISIT_ID_LENGTH_MAX],
        revision=_read_or(_revision, named.revision, 0),
        status=ItemStatus.INVALID,
        problem=problem if len(problem) <= PROBLEM_LENGTH_MAX else f"{problem[:300]} … {problem[-190:]}",
    )


def _read_or(read: Callable[[msgspec.Raw], Read], raw: msgspec.Raw, default: Read) -> Read:
    try:
        return read(raw) if len(bytes(raw)) <= ITEM_BYTES_MAX else default
    except UNREADABLE:
        return default


def _result(item: SummaryItem, status: ItemStatus) -> ItemResult:
    problem = None
    if status is ItemStatus.CONFLICT:
        problem = "this revision was written before with another content - at `$.revision`"
    return ItemResult(visit_id=item.visit_id, revision=item.revision, status=status, problem=problem)
