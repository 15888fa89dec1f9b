"""A file of entries by name, as the files of callers and of people are: JSON that only its owner may write."""

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Final, TypeVar

import msgspec
from msgspec import Meta

FILE_BYTES_MAX: Final = 1024 * 1024
MAY_WRITE: Final = 0o022
Name = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9_.-]{0,63}\Z")]
EntryT = TypeVar("EntryT")


class CredentialsError(ValueError):
    """A file of those who may come in cannot be taken; the text says why, without anything that the file holds."""


def read_entries(path: Path, decode: Callable[[bytes], dict[str, EntryT]], kind: str) -> tuple[dict[str, EntryT], int]:
    """Return what *decode* makes of the file at *path*, and who may do what with it; raise ``CredentialsError``.

    *kind* says what such a file is, and how it looks.
    """
    try:
        with path.open("rb") as file:
            content, mode = file.read(FILE_BYTES_MAX), os.fstat(file.fileno()).st_mode
    except OSError as error:
        message = f"{path} cannot be read: {error.strerror}"
        raise CredentialsError(message) from error
    try:
        entries = decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        # A value in the message may be a secret in the wrong place.
        why = re.sub(r"'[^']*'", "a value", str(error))
        message = f"{path} is no file of {kind}: {why}"
        raise CredentialsError(message) from None
    if mode & MAY_WRITE:
        message = f"{path} may be written by others than its owner: chmod go-w {path}"
        raise CredentialsError(message)
    return entries, mode
