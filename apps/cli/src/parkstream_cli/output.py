"""What commands print: JSON for programs; texts and message bodies for people."""

import json
import os
import shutil
import signal
import sys
import textwrap
from typing import Annotated, Any, Final, TextIO

import msgspec
from cyclopts import Parameter
from msgspec import Raw
from parkstream_service.plain_text import plain, plain_json
from parkstream_service.settings import masked_in

AsJson = Annotated[bool, Parameter(help="Print one JSON object instead.", negative="")]
AsLines = Annotated[bool, Parameter(help="Print JSON Lines instead.", negative="")]

READER_GONE: Final = 128 + signal.SIGPIPE


def as_json(value: Any, *, aside: bool = False) -> None:  # noqa: ANN401 - whatever msgspec encodes
    """Print *value* as one line of JSON, at once; *aside*: on stderr, when stdout has the data itself."""
    _print(json_of(value), sys.stderr if aside else sys.stdout)


def json_of(value: Any) -> str:  # noqa: ANN401 - whatever msgspec encodes
    """Return *value* as one line of JSON without anything that is not printable."""
    try:
        return plain_json(msgspec.json.encode(value).decode())
    except UnicodeEncodeError:  # Half a character, out of bytes that are no text: msgspec has no escape for it.
        return json.dumps(msgspec.to_builtins(value, enc_hook=_decoded), separators=(",", ":"))


def _decoded(raw: Raw) -> Any:  # noqa: ANN401 - whatever it holds
    return msgspec.json.decode(raw)


def line(text: str = "") -> None:
    """Print *text* as one line, at once; what could steer a terminal is shown instead of sent."""
    _print(plain(text), sys.stdout)


def paragraph(text: str, *, indent: str) -> None:
    """Print *text* below *indent*, broken between words where the terminal ends; nothing is shortened."""
    width = max(shutil.get_terminal_size().columns, len(indent) + 40)
    for part in textwrap.wrap(
        plain(text, keep="\n"), width - len(indent), break_long_words=False, break_on_hyphens=False
    ):
        line(indent + part)


def note(text: str) -> None:
    """Tell people *text*, which may have several lines, beside what is printed."""
    _print(plain(text, keep="\n"), sys.stderr)


def error(problem: object) -> None:
    """Report *problem*, which says what to do, in one or more lines beside what is printed."""
    note(f"error: {without_passwords(str(problem))}")


def without_passwords(text: str) -> str:
    """Return *text* without the password of an address, also where none belongs: on the command line, or around it."""
    words = [*sys.argv[1:], *(f"={value}" for name, value in os.environ.items() if name.startswith("PARKSTREAM_"))]
    return masked_in(text, [*words, *(word.partition("=")[2] for word in words)])


def _print(text: str, stream: TextIO) -> None:
    try:
        stream.write(text + "\n")
        stream.flush()
    except BrokenPipeError as error:  # Whoever read it has seen enough, as `head` does.
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        raise SystemExit(READER_GONE) from error


def _formatted(body: bytes, *, indent: int = 2) -> str | None:
    """Return *body* as formatted JSON, None when it is no JSON."""
    try:
        return msgspec.json.format(body.decode(), indent=indent)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def as_value(body: bytes) -> Raw | str:
    """Return what stands for *body* in JSON that fits on one line."""
    text = _formatted(body, indent=-1)
    return body.decode(errors="replace") if text is None else Raw(text.encode())


def as_lines(body: bytes) -> list[str]:
    """Return *body* for people."""
    text = _formatted(body)
    return (body.decode(errors="backslashreplace") if text is None else text).splitlines()
