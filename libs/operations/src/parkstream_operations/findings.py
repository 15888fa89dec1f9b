"""What an examination finds."""

from enum import StrEnum

from msgspec import Struct


class Level(StrEnum):
    """How bad it is."""

    OK = "ok"
    NOTE = "note"
    WRONG = "wrong"


class Finding(Struct, frozen=True, kw_only=True):
    """One thing that was looked at: what was found, and what to do about it."""

    about: str
    level: Level
    found: str
    advice: str = ""


def ok(about: str, found: str) -> Finding:
    """All is well."""
    return Finding(about=about, level=Level.OK, found=found)


def note(about: str, found: str, advice: str) -> Finding:
    """Worth knowing, but it may be meant so."""
    return Finding(about=about, level=Level.NOTE, found=found, advice=advice)


def wrong(about: str, found: str, advice: str) -> Finding:
    """Something has to be done."""
    return Finding(about=about, level=Level.WRONG, found=found, advice=advice)


def version_of(text: str) -> tuple[int, ...]:
    """Return the leading numbers of a version: ``7.0.15~deb`` is 7, 0, 15."""
    numbers: list[int] = []
    for part in text.split("."):
        digits = part[: len(part) - len(part.lstrip("0123456789"))]
        if not digits:
            break
        numbers.append(int(digits))
    return tuple(numbers)
