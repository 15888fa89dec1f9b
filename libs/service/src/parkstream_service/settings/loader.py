"""From an environment to a settings struct, or to everything that is wrong with it."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeVar, cast, get_type_hints

import msgspec
from msgspec import NODEFAULT, Struct, inspect

from parkstream_service.settings.kinds import extras_of, is_collection, words_of
from parkstream_service.settings.sources import text_of
from parkstream_service.settings.urls import MASK, check_url, masked_in, masked_url, may_hold_password, words_of_url

SettingsT = TypeVar("SettingsT", bound=Struct)


class SettingsError(Exception):
    """The environment is wrong: *errors* has one sentence per variable, without secrets."""

    def __init__(self, errors: list[str]) -> None:
        super().__init__("\n".join(errors))
        self.errors = errors


class Field:
    """One variable of a settings type: its name in the environment, and what it takes."""

    def __init__(self, field: inspect.Field, annotation: object) -> None:
        self.name = field.encode_name
        self.attribute = field.name
        self.required = field.required
        self.extras = extras_of(field.type)
        self._schemes: tuple[str, ...] = self.extras.get("url", ())
        self.words = words_of_url(self._schemes) if self._schemes else words_of(field.type)
        self.default = _default_of(field)
        self._annotation = annotation
        self._several = is_collection(field.type)

    def read(self, text: str) -> object:
        """Return the value that *text* stands for; raise ``ValueError`` saying what was expected."""
        value: object = [part.strip() for part in text.split(",") if part.strip()] if self._several else text
        try:
            if self._schemes:
                check_url(text, self._schemes)
            return _finite(msgspec.convert(value, self._annotation, strict=False))
        except ValueError as error:
            message = f"{self.name} is {self.shown(text)!r}; it takes {self.words}"
            raise ValueError(message) from error

    def shown(self, value: object) -> str:
        """Return *value* as it may be shown: a secret is masked, and so is a password in a URL."""
        if value is None:
            return ""
        if self.extras.get("secret"):
            return MASK
        if isinstance(value, set | frozenset):
            value = sorted(map(str, cast("Iterable[object]", value)))
        if isinstance(value, list | tuple):
            return ",".join(map(self._masked, cast("Iterable[object]", value)))
        if isinstance(value, bool):
            return str(value).lower()
        return self._masked(value)

    def _masked(self, value: object) -> str:
        text = str(value).removesuffix(".0")
        return masked_url(text) if self._schemes or may_hold_password(text) else text


def env_name(prefix: str) -> Callable[[str], str]:
    """Return the ``rename`` of a settings struct: its fields in upper case after *prefix*."""
    return lambda field: prefix + field.upper()


def fields_of(type_: type[Struct]) -> list[Field]:
    """Return the variables of *type_*, in the order in which it declares them."""
    info = inspect.type_info(type_)
    assert isinstance(info, inspect.StructType)
    hints = get_type_hints(type_, include_extras=True)
    return [Field(field, hints[field.name]) for field in info.fields]


def load(type_: type[SettingsT], environ: Mapping[str, str]) -> SettingsT:
    """Return *type_* filled from *environ*; raise ``SettingsError`` with all that is wrong at once.

    An empty variable counts as one that is not set, as ``${NAME:-}`` in a compose file gives it.
    """
    values: dict[str, Any] = {}
    errors: list[str] = []
    for field in fields_of(type_):
        try:
            values |= _value_of(field, environ)
        except ValueError as error:
            errors.append(str(error))
    if errors:
        raise SettingsError(errors)
    try:
        return type_(**values)
    except ValueError as error:
        raise SettingsError([masked_in(str(error), _parts_of(values))]) from error


def _value_of(field: Field, environ: Mapping[str, str]) -> dict[str, object]:
    text = text_of(field.name, environ)
    if text:
        return {field.attribute: field.read(text)}
    if field.required:
        message = f"{field.name} is not set; it takes {field.words}"
        raise ValueError(message)
    return {}


def _parts_of(values: Mapping[str, object]) -> Iterator[str]:
    """Yield what an error about *values* may quote."""
    for value in values.values():
        parts = cast("Iterable[object]", value) if isinstance(value, list | tuple | set | frozenset) else (value,)
        yield from map(str, parts)


def _finite(value: object) -> object:
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(value)
    return value


def _default_of(field: inspect.Field) -> object:
    if field.default is not NODEFAULT:
        return field.default
    return None if field.default_factory is NODEFAULT else field.default_factory()
