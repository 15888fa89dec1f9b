"""The JSON schema of a version of an event, as it was when the version was first written, and as it is now."""

import json
from pathlib import Path
from typing import Any

import msgspec

PINNED = Path(__file__).parents[1] / "contract" / "golden" / "schemas"
CHANGED = """\
The schema of {type} is no longer what {file} pins, but the log holds bodies of that version for ever.
Leave {type} and its pinned schema as they were, and write the change as the next version, {next}:
its struct in libs/events versions.py, a line in BODIES (and one in _UPCASTS) in wire.py, and the golden files
tests/contract/golden/{next}.json and schemas/{next}.json. docs/changing-events.md walks through it.
What changed: {change}"""
MISSING = """\
{type} is new: pin its schema, so that it stays as it is. Write this to {file}:
{schema}"""


def problem(type_: str, body: type) -> str:
    """Say what to do about the schema of *body*, nothing when it is what is pinned for *type_*."""
    file, now = PINNED / f"{type_}.json", schema_of(body)
    name = f"tests/contract/golden/schemas/{file.name}"
    if not file.exists():
        return MISSING.format(type=type_, file=name, schema=json.dumps(now, indent=2))
    pinned = json.loads(file.read_text())
    if pinned == now:
        return ""
    return CHANGED.format(type=type_, file=name, next=following(type_), change=change(pinned, now))


def schema_of(body: type) -> dict[str, Any]:
    """Return what JSON *body* takes, without the names and docstrings of our structs."""
    (reference,), definitions = msgspec.json.schema_components([body], ref_template="{name}")
    found: dict[str, Any] = _inlined(reference, definitions)
    return found


def following(type_: str) -> str:
    """Return the version after *type_*."""
    name, _, version = type_.rpartition(".v")
    return f"{name}.v{int(version) + 1}"


def change(pinned: dict[str, Any], now: dict[str, Any]) -> str:
    """Say which fields differ, as people would."""
    before, after = pinned.get("properties", {}), now.get("properties", {})
    told = [f"{name} is gone" for name in sorted(before.keys() - after.keys())]
    told += [f"{name} is new" for name in sorted(after.keys() - before.keys())]
    told += [
        f"{name} takes other values" for name in sorted(before.keys() & after.keys()) if before[name] != after[name]
    ]
    return ", ".join(told) or "which fields are required"


def _inlined(value: Any, definitions: dict[str, Any]) -> Any:
    match value:
        case {"$ref": str(name)}:
            return _inlined(definitions[name], definitions)
        case dict():
            found = {k: _inlined(v, definitions) for k, v in value.items() if k not in {"title", "description"}}
            if "properties" in value:  # Fields may be called so too.
                found["properties"] = {k: _inlined(v, definitions) for k, v in value["properties"].items()}
            return found
        case list():
            return [_inlined(each, definitions) for each in value]
        case _:
            return value
