"""Every variable of a settings type, for people and for ``docs/configuration.md``."""

from collections.abc import Mapping

from msgspec import Struct

from parkstream_service.settings.loader import Field, fields_of
from parkstream_service.settings.sources import text_of


class Variable(Struct, frozen=True, kw_only=True):
    """One variable: what it takes (``type``, ``unit``), what it is for, and what it is now.

    ``value`` is the one in force: the default unless the environment says otherwise; secrets are masked.
    """

    name: str
    type: str
    default: str | None
    unit: str | None
    meaning: str
    value: str | None
    error: str | None = None


def describe(type_: type[Struct], environ: Mapping[str, str]) -> list[Variable]:
    """Return the variables of *type_* with their values in *environ*."""
    return [_variable(field, environ) for field in fields_of(type_)]


def _variable(field: Field, environ: Mapping[str, str]) -> Variable:
    default = None if field.required else field.shown(field.default)
    text, error = _read(field, environ)
    return Variable(
        name=field.name,
        type=field.words,
        default=default,
        unit=field.extras.get("unit"),
        meaning=field.extras.get("description", ""),
        value=field.shown(text) if text else default,
        error=error,
    )


def _read(field: Field, environ: Mapping[str, str]) -> tuple[str, str | None]:
    """Return the text of *field*, as far as it can be read, and what is wrong with it."""
    text = ""
    try:
        text = text_of(field.name, environ)
        if text:
            field.read(text)
    except ValueError as error:
        return text, str(error)
    missing = f"{field.name} is not set; it takes {field.words}" if field.required and not text else None
    return text, missing
