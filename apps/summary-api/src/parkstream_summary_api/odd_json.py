"""What msgspec passes over or cannot read: names that occur twice, text that is no UTF-8, and JSON nested too deep."""

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from typing import Any, Final

from parkstream_events.wire import DEPTH_MAX

_TOKENS: Final = re.compile(rb'"(?:[^"\\]++|\\.)*+"?|[\[{]|[\]}]|,', re.DOTALL)
_OPENING: Final = (b"[", b"{")
_CLOSING: Final = (b"]", b"}")
COMMAS_PER_ITEM: Final = 100
"""More than an item has; so many are read before they are counted."""
TOO_DEEP: Final = f"nested deeper than {DEPTH_MAX} - at `$`"


class UnbalancedError(ValueError):
    """It cannot be seen where one item ends and the next begins."""


def is_deep(item: bytes) -> bool:
    """Whether *item* is nested deeper than may be: the stack must never decide what can be read."""
    if sum(map(item.count, _OPENING)) <= DEPTH_MAX:
        return False
    deepest = depth = 0
    for token in _tokens(item):
        depth += (token in _OPENING) - (token in _CLOSING)
        deepest = max(deepest, depth)
    return deepest > DEPTH_MAX


def oddity_of(item: bytes) -> str:
    """Return why *item*, which can be read, means nothing certain; "" when it does."""
    try:
        json.loads(item.decode(), object_pairs_hook=_distinct, parse_int=str, parse_float=str)
    except UnicodeDecodeError as error:
        return f"no UTF-8: {error.reason} at byte {error.start} - at `$`"
    except ValueError as error:
        return f"{error} - at `$`"
    return ""


def items_of(array: bytes) -> list[bytes]:
    """Return the items of *array* as they are written, however odd; raise ``UnbalancedError``."""
    return list(_items(array.strip()))  # Possessive patterns above: a string of megabytes takes no memory.


def holds_more_than(count: int, array: bytes) -> bool:
    """Whether *array* has more than *count* items: found without making anything of them."""
    if array.count(b",") <= COMMAS_PER_ITEM * count:
        return False
    seen = 0
    with suppress(UnbalancedError):  # Who reads it says so.
        for _ in islice(_items(array.strip()), count + 1):
            seen += 1
    return seen > count


def _items(array: bytes) -> Iterator[bytes]:
    depth, start = 0, 1
    for found in _TOKENS.finditer(array):
        token = found[0]
        if token in _OPENING:
            depth += 1
        elif token in _CLOSING:
            depth -= 1
        if (depth == 1 and token == b",") or depth == 0:
            item = array[start : found.start()].strip()
            if not item or (depth == 0 and found.end() != len(array)):
                raise UnbalancedError
            yield item
            start = found.end()
    if depth != 0:
        raise UnbalancedError


def _tokens(text: bytes) -> Iterator[bytes]:
    return (found[0] for found in _TOKENS.finditer(text))


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        message = f"the field {twice[:80]!r} occurs more than once"
        raise ValueError(message)
    return values
