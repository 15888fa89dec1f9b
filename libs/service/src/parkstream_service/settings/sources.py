"""Where the text of a variable stands: in the environment, or in the file that ``<name>_FILE`` names."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from parkstream_service.foreign_data import TooLongError, content_within
from parkstream_service.settings.urls import masked_url

FILE_SUFFIX: Final = "_FILE"
BYTES_MAX: Final = 65_536
_URL: Final = re.compile("@|//|:")
"""What stands there may be the value itself, in the variable beside its own."""


def text_of(name: str, environ: Mapping[str, str]) -> str:
    """Return what *environ* says for the variable *name*, or "" when it says nothing.

    A secret need not be in the environment, where every child and ``docker inspect`` see it: ``<name>_FILE`` may name
    a file instead. Raises ``ValueError`` when that holds nothing, or when both are set.
    """
    text, file = environ.get(name, ""), environ.get(name + FILE_SUFFIX, "")
    if not file:
        return _as_text(name, text)
    if text:
        message = f"{name} and {name}{FILE_SUFFIX} are both set; unset one of them"
        raise ValueError(message)
    return _content(name + FILE_SUFFIX, Path(file))


def _as_text(name: str, text: str) -> str:
    """Return *text*; raise ``ValueError`` when it is made of bytes that are none."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        message = f"{name} is no text in UTF-8"
        raise ValueError(message) from error
    return text


def _content(variable: str, file: Path) -> str:
    named = masked_url(str(file)) if _URL.search(str(file)) and not file.exists() else str(file)
    try:
        text = content_within(file, BYTES_MAX).decode().strip()
    except (OSError, UnicodeDecodeError, TooLongError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text, or too long"
        message = f"{variable} is {named!r}, which cannot be read ({why}); it takes the path of a file"
        raise ValueError(message) from error
    if not text:
        message = f"{variable} is {named!r}, which is empty; it takes the path of a file that holds the value"
        raise ValueError(message)
    return text
