"""The credential with which a process calls others, read again when its file changes."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from parkstream_service.access import FileValue
from parkstream_service.settings.sources import FILE_SUFFIX, text_of

VARIABLE: Final = "PARKSTREAM_API_TOKEN"


def own_token(token: str | None, environ: Mapping[str, str]) -> Callable[[], str | None]:
    """Return what gives the credential as it is now: *token*, or what the file holds that *environ* names."""
    named = environ.get(VARIABLE + FILE_SUFFIX)
    if not named or not token:
        return lambda: token
    file = FileValue(Path(named), lambda path: text_of(VARIABLE, {VARIABLE + FILE_SUFFIX: str(path)}))
    return lambda: file.now
