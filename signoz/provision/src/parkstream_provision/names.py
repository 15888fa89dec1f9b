"""What a warning of a preview means: a name that has not come yet, or a misspelt one that nobody reports."""

import re
from collections.abc import Iterator
from difflib import get_close_matches
from typing import Final, Literal

from msgspec import Struct

from parkstream_provision.shapes import Json, fields

Level = Literal["error", "warning", "note"]
STANDING: Final = "has no standalone statement to preview"
"""SigNoz says it of every formula."""
NOT_RECEIVED: Final = re.compile(r"metrics? .*never been received|no data found for the (following )?metrics?")
KEY: Final = re.compile(r"\bkey `?([\w.]+)`? .*not found|\bkey `?([\w.]+)`? not found")
WORD: Final = re.compile(r"[A-Za-z_][\w.]*[\w]")
PART: Final = re.compile(r"\.(bucket|count|sum|min|max)$")
"""What SigNoz makes of a histogram."""


class Names(Struct, frozen=True):
    """What may be asked for, as ``names.json`` says; without that file a warning stays what it is."""

    metrics: frozenset[str] = frozenset()
    keys: frozenset[str] = frozenset()


def names_in(content: Json) -> Names:
    """Return the names that *content* lists."""
    return Names(frozenset(fields(content.get("metrics"))), frozenset(content.get("keys", ())))


def judged(warning: str, names: Names) -> Iterator[tuple[Level, str]]:
    """Yield what *warning* comes to: nothing, a note for what is listed, an error for what is not."""
    if STANDING in warning:
        return
    if names.metrics and NOT_RECEIVED.search(warning):
        yield from (_of_metric(name, names) for name in _metrics_in(warning))
    elif names.keys and (found := KEY.search(warning)):
        yield _of(found[1] or found[2], "key", names.keys)
    else:
        yield "warning", warning


def _metrics_in(warning: str) -> list[str]:
    """Return the metrics that *warning* names: one in its midst, several behind a colon."""
    one = re.search(r"metric ([\w.:]+)", warning)
    if one:
        return [one[1]]
    listed = re.sub(r"\([^)]*\)", "", warning.partition(": ")[2] or warning)
    return WORD.findall(listed)


def _of_metric(name: str, names: Names) -> tuple[Level, str]:
    return _of(name, "metric", names.metrics)


def _of(name: str, kind: str, listed: frozenset[str]) -> tuple[Level, str]:
    plain = PART.sub("", name) if name not in listed else name
    if plain in listed:
        return "note", f"{kind} {name} was not received, or not lately"
    near = get_close_matches(plain, sorted(listed), 1)
    return "error", f"{kind} {name} is not listed, nobody reports it{f': is it {near[0]}?' if near else ''}"
