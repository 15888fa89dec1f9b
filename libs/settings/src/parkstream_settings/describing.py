"""Every variable of a settings type, for people and for ``docs/configuration.md``."""

from collections.abc import Mapping

from msgspec import Struct

from parkstream_settings.loading import Field, fields_of


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
    return [_variable(field, environ.get(field.name, "")) for field in fields_of(type_)]


def _variable(field: Field, text: str) -> Variable:
    default = None if field.required else field.shown(field.default)
    return Variable(
        name=field.name,
        type=field.words,
        default=default,
        unit=field.extras.get("unit"),
        meaning=field.extras.get("description", ""),
        value=field.shown(text) if text else default,
        error=_error(field, text),
    )


def _error(field: Field, text: str) -> str | None:
    if not text:
        return f"{field.name} is not set; it takes {field.words}" if field.required else None
    try:
        field.read(text)
    except ValueError as error:
        return str(error)
    return None
