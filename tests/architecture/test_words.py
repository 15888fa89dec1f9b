"""One word per thing: what the glossary replaced appears neither in code nor in what people read.

Each offence is listed as ``file:line: write 'this': text``; line 0 is the file's name. Ordinary English stands in
``ORDINARY``.
"""

import io
import re
import tokenize
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest
from the_tree import BESIDE, MODULES, ROOT, TESTS, relative

OURS = ("apps", "libs", "signoz", "benchmarks", "chaos", "fuzzing", "tests", "deploy")
PAGES = [path for at in ("*.md", "docs/**/*.md", "changelog.d/*.md", "tests/*.md") for path in sorted(ROOT.glob(at))]
TEXTS = [ROOT / "dev", ROOT / "noxfile.py", ROOT / "docs" / "deck" / "template.html"]
KINDS = {".py", ".lua", ".yaml", ".toml", ".sql", ".conf"}
CODE = sorted(path for top in OURS for path in (ROOT / top).rglob("*") if path.suffix in KINDS)
PART = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")


class Word(NamedTuple):
    """What is not written: as a part of an identifier or a file's name, and in texts; what is, and where it matters."""

    instead: str
    parts: frozenset[str]
    text: re.Pattern[str]
    rooms: re.Pattern[str]


def word(instead: str, *parts: str, text: str | None = None, rooms: str = "") -> Word:
    whole = rf"\b(?:{'|'.join(parts)})\b"
    return Word(instead, frozenset(parts), re.compile(text or whole), re.compile(rooms))


NOT_TESTS = r"^(?!tests/)"
WORDS = [
    word("background task", "duty", "duties"),
    word("delivery batch", "parcel", "parcels"),
    word("claimer", "heir", "heirs"),
    word("exporter, publisher", "outlet", "outlets"),
    word("periodic reader", "pulse", "pulses"),
    word("timers", "agenda", "agendas"),
    word("watermark generator", "timekeeper", text=r"\btimekeepers?\b|\bkeeps? time\b"),
    word("high-water mark", "reach", text=r"\bthe reach\b|\bcheck_reach\b", rooms=r"backend|eventlog|summary"),
    word("back-pressure: paused, resumed", "gate", rooms=r"backend/(?:record/(?!recorder)|app|parts)"),
    word("generator context", "station", "stations"),
    word("parked cars", "garage", "garages"),
    word("intents", "journal", "journals", rooms=r"generator|camera"),
    word("abandoned", text=r"\bgiven[_ ]up\b"),
    word("start, stop", text=r"\b(?:takes?|taken)[_ ]up\b|\bputs?[_ ]down\b"),
    word("print (reconcile) the account", text=r"\bdraws? (?:the|an) account\b"),
    word("telemetry, generators, settings, devtools", text=r"\b[Tt]he (?:senses|eyes|orders|workshop)\b"),
    word("the contract", text=r"^\W*The words\b|: the words\b"),
    word("the log", text=r"^\W*The memory[:,.]|: the memory\b"),
    word("emitted, reported, printed", "said", "spoken", "told", "tell", "tells", "telling", rooms=NOT_TESTS),
    word("recorded event", "fact", "facts", rooms=NOT_TESTS),
    word("sighting", text=r"\bSeen\b", rooms=NOT_TESTS),
    word("pending", "held", rooms=NOT_TESTS),
]
ORDINARY = {
    r"\bheld (?:by|to)\b": "what a test keeps true",
    r"\bheld back\b": "kept from going on",
    r"\b[Ll]ocks? (?:is |are )?held\b": "locks are held",
    r"\btells? (?:\w+ ){1,3}from\b": "tells this from that",
    r"\btells? (?:\w+ ){1,5}apart\b": "the same",
}
"""Uses that are ordinary English, and what they mean."""


class Passage(NamedTuple):
    path: Path
    line: int
    text: str
    identifier: bool = False


def passages(path: Path) -> Iterator[Passage]:
    """Yield the identifiers, strings and comments of a Python file, the lines of any other."""
    source = path.read_text(encoding="utf-8")
    yield Passage(path, 0, path.stem, identifier=True)
    if path.suffix != ".py":
        yield from (Passage(path, number, line) for number, line in enumerate(source.splitlines(), start=1))
        return
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.NAME:
            yield Passage(path, token.start[0], token.string, identifier=True)
        elif token.type in {tokenize.STRING, tokenize.COMMENT} or tokenize.tok_name[token.type] == "FSTRING_MIDDLE":
            for number, line in enumerate(token.string.splitlines()):
                yield Passage(path, token.start[0] + number, line)


PARTS = frozenset[str]().union(*(word.parts for word in WORDS))
ANY = re.compile("|".join(word.text.pattern for word in WORDS), re.MULTILINE)


@cache
def parts_of(identifier: str) -> frozenset[str]:
    return frozenset(part.lower() for part in PART.findall(identifier))


def suspect(passage: Passage) -> bool:
    """Whether any word could be meant: few passages need a closer look."""
    return bool(ANY.search(passage.text)) or (passage.identifier and not PARTS.isdisjoint(parts_of(passage.text)))


def uses(passage: Passage, word: Word) -> bool:
    if passage.identifier:
        return bool(parts_of(passage.text) & word.parts) or (
            not word.parts and word.text.fullmatch(passage.text) is not None
        )
    text = passage.text
    for phrase in ORDINARY:
        text = re.sub(phrase, "", text)
    return word.text.search(text) is not None


def offences(paths: list[Path]) -> str:
    """Return one line per use of a word that the glossary replaced."""
    found = [passage for path in paths if path != Path(__file__) for passage in passages(path) if suspect(passage)]
    return "\n".join(
        f"{relative(passage.path)}:{passage.line}: write {word.instead!r}: {passage.text.strip()}"
        for word in WORDS
        for passage in found
        if word.rooms.search(relative(passage.path)) and uses(passage, word)
    )


@pytest.mark.parametrize("top", OURS)
def test_code_uses_the_words_of_the_glossary(top: str):
    assert offences([path for path in CODE if relative(path).startswith(f"{top}/")]) == ""


def test_pages_and_help_use_the_words_of_the_glossary():
    assert offences([*PAGES, *TEXTS]) == ""


GERUND = re.compile(r"[a-z]+ing")
NOUNS = {"fuzzing", "ring", "string"}


def test_no_module_is_named_by_a_bare_gerund():
    everywhere = [*MODULES, *BESIDE, *TESTS]
    names = {(part, relative(module)) for module in everywhere for part in (module.stem, module.parent.name)}
    assert sorted(where for name, where in names if GERUND.fullmatch(name) and name not in NOUNS) == []


FOUND = [
    "draws an account",
    "the parcel is posted",
    "what was said of it",
    "1 visit is held",
    "The senses",
    "was given up",
]
LEFT = ["locks are held by one process", "tells a copy from a record", "the gate north of the mall"]


@pytest.mark.parametrize("text", FOUND)
def test_a_replaced_word_is_found(text: str):
    assert any(uses(Passage(Path("page"), 1, text), word) for word in WORDS)


@pytest.mark.parametrize("text", LEFT)
def test_ordinary_english_is_left_alone(text: str):
    anywhere = [word for word in WORDS if word.rooms.search("libs/page")]
    assert [word.instead for word in anywhere if uses(Passage(Path("page"), 1, text), word)] == []


@pytest.mark.parametrize("identifier", ["AgendaQueue", "take_parcel", "_spoken", "GARAGE_KEY", "parkedInGarage"])
def test_a_replaced_part_of_an_identifier_is_found(identifier: str):
    passage = Passage(Path("module.py"), 1, identifier, identifier=True)
    assert any(uses(passage, word) for word in WORDS)
