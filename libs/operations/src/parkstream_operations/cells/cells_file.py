"""The file of cells: which malls there are, and where each of them runs."""

import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple, cast

from parkstream_events.keys import MALL_PATTERN
from parkstream_service.foreign_data import TooLongError, content_within

from parkstream_operations.cells.cell import Cell, FieldError, cell_of

VARIABLE: Final = "PARKSTREAM_CELLS"
NAME: Final = "cells.toml"
"""What it is called where no variable names it."""
BYTES_MAX: Final = 1 << 20
NAME_LENGTH_MAX: Final = 64
NO_FIELD: Final = ""
OWN: Final = (
    "rabbitmq_url",
    "rabbitmq_url_file",
    "backend_url",
    "summary_url",
    "summary_file",
    "entry_generator_url",
    "exit_generator_url",
)
"""What no two malls may share: a vhost, a service, a file."""
_HEADER: Final = re.compile(r"^\s*\[\s*malls\s*\.")


class CellsError(Exception):
    """The file of cells cannot be used; the text says where, why, and what to do."""


class Cells(NamedTuple):
    """The malls that *path* lists."""

    path: Path
    malls: Mapping[str, Cell]

    def environ(self, mall: str) -> dict[str, str]:
        """Return the variables of *mall*; raise ``CellsError`` that names the malls that there are."""
        return self.cell(mall).environ(mall, self.path.parent)

    def cell(self, mall: str) -> Cell:
        """Return the cell of *mall*; raise ``CellsError`` that names the malls that there are."""
        if (cell := self.malls.get(mall)) is None:
            there = f"it has {', '.join(sorted(self.malls))}" if self.malls else "it lists none"
            message = f"{self.path} has no mall {mall!r}: {there}; parkstream cells add makes one"
            raise CellsError(message)
        return cell


def path_here(environ: Mapping[str, str] = os.environ) -> Path:
    """Return where the file of cells is, or would be."""
    return Path(environ.get(VARIABLE) or NAME).absolute()


def read_cells(path: Path) -> Cells:
    """Return what *path* lists; raise ``CellsError`` with each error there is, by line and field."""
    try:
        text = content_within(path, BYTES_MAX).decode("utf-8-sig")
        found = tomllib.loads(text)
    except FileNotFoundError as error:
        message = f"there is no {path}: set {VARIABLE} to the file of malls, or begin one with parkstream cells add"
        raise CellsError(message) from error
    except (OSError, TooLongError, UnicodeDecodeError) as error:
        message = f"{path} cannot be read: {error.strerror if isinstance(error, OSError) else error}"
        raise CellsError(message) from error
    except (ValueError, RecursionError) as error:  # Not only of TOML: a number may have too many digits.
        message = f"{path} is no TOML: {error}"
        raise CellsError(message) from error
    return cells_of(path, found, text)


def cells_of(path: Path, found: Mapping[str, Any], text: str) -> Cells:
    """Return the malls in *found*, read from *text*, which *path* holds, or would; raise ``CellsError``."""
    cells, problems = _cells_in(found, text)
    if problems:
        raise CellsError("\n".join(f"{path}{problem}" for problem in problems))
    return Cells(path, cells)


def _cells_in(found: Mapping[str, Any], text: str) -> tuple[dict[str, Cell], list[str]]:
    cells: dict[str, Cell] = {}
    malls: Any = found.get("malls", {})
    problems = [f": {name}: there is no such table; malls are written as [malls.NAME]" for name in {*found} - {"malls"}]
    if not isinstance(malls, dict):
        return {}, [*problems, ": malls: it takes a table for each mall, written as [malls.NAME]"]
    for mall, value in cast("dict[str, object]", malls).items():
        try:
            cells[checked_name(mall)] = cell_of(value)
        except FieldError as error:
            about = f"malls.{mall}.{error.field}" if error.field else f"malls.{mall}"
            problems.append(f", line {line_of(text, mall, error.field)}: {about}: {error}")
    shared = (
        f", line {line_of(text, mall, field)}: malls.{mall}.{field}: {first} has the same; each mall has its own"
        for field in OWN
        for mall, first in _repeated(cells, field)
    )
    return cells, [*problems, *shared]


def _repeated(cells: Mapping[str, Cell], field: str) -> Iterator[tuple[str, str]]:
    """Yield each mall whose *field* another one has, too, with the first that has."""
    owners: dict[str, str] = {}
    for mall, cell in cells.items():
        value: str | None = getattr(cell, field)
        if value is not None and (first := owners.setdefault(value.rstrip("/"), mall)) != mall:
            yield mall, first


def checked_name(mall: str) -> str:
    """Return *mall*; raise ``FieldError`` when no mall may be called so."""
    if not re.match(MALL_PATTERN, mall) or len(mall) > NAME_LENGTH_MAX:
        raise FieldError(NO_FIELD, f"a mall's name has 1 to {NAME_LENGTH_MAX} characters, no braces and no spaces")
    return mall


def line_of(text: str, mall: str, field: str = "") -> int:
    """Return the line of *text* where *field* of *mall* stands, or else where the mall begins; from 1 on."""
    begin = 1
    for number, of, line in _lines(text):
        if of == mall and _HEADER.match(line):
            begin = number
        elif of == mall and field and re.match(rf"\s*[\"']?{re.escape(field)}[\"']?\s*=", line):
            return number
    return begin


def _lines(text: str) -> Iterator[tuple[int, str, str]]:
    """Yield each line with its number, and the mall whose table it is in."""
    mall = ""
    for number, line in enumerate(text.split("\n"), 1):
        if line.lstrip().startswith("["):
            mall = _mall_of(line) if _HEADER.match(line) else ""
        yield number, mall, line


def _mall_of(header: str) -> str:
    try:
        mall: str = next(iter(tomllib.loads(header)["malls"]))
    except tomllib.TOMLDecodeError:
        return ""  # It stands in a text of several lines.
    return mall
