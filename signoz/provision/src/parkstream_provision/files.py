"""What is wanted: the JSON below signoz/."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final, cast

from msgspec import Struct

from parkstream_provision.errors import FileError
from parkstream_provision.names import Names, names_in
from parkstream_provision.shapes import Json, fields

KINDS: Final = ("channels", "rules", "dashboards", "views", "funnels")
RETENTION: Final = "retention.json"
NAMES: Final = "names.json"
_VARIABLE: Final = re.compile(r"\$\{(\w+)(?::-([^}]*))?\}")


class Wanted(Struct, frozen=True):
    """What SigNoz should have; *by_kind* has the bodies of one folder, in the order of their files."""

    by_kind: dict[str, list[Json]]
    retention: Json
    names: Names = Names()


def read(folder: Path, environ: Mapping[str, str]) -> Wanted:
    """Return what *folder* holds; in channels and rules ``${NAME:-default}`` stands for a variable of *environ*.

    Raises ``FileError`` for what is no folder of ours, no JSON, or needs a variable that is not set.
    """
    if not any((folder / kind).is_dir() for kind in KINDS):
        message = f"{folder} holds none of {', '.join(KINDS)}: set PARKSTREAM_SIGNOZ_FILES to the folder signoz/"
        raise FileError(message)
    variables = {"channels": environ, "rules": environ}
    found = {
        kind: [_read(path, variables.get(kind)) for path in sorted((folder / kind).glob("*.json"))] for kind in KINDS
    }
    return Wanted(found, _optional(folder / RETENTION), names_in(_optional(folder / NAMES)))


def _optional(path: Path) -> Json:
    return _read(path, None) if path.exists() else {}


def _read(path: Path, environ: Mapping[str, str] | None) -> Json:
    text = path.read_text(encoding="utf-8")
    if environ is not None:
        text = _VARIABLE.sub(lambda match: _value(path, match, environ), text)
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        message = f"{path} is no JSON: {error}"
        raise FileError(message) from error
    if not isinstance(content, dict):
        message = f"{path} holds no JSON object"
        raise FileError(message)
    return fields(cast("object", content))


def _value(path: Path, match: re.Match[str], environ: Mapping[str, str]) -> str:
    value = environ.get(match[1]) or match[2]
    if value is None:
        message = f"{path} needs {match[1]}, which is not set"
        raise FileError(message)
    return json.dumps(value)[1:-1]  # It stands inside a JSON string.
