"""One mall as the file of cells has it: its endpoints, as the variables of the command line call them."""

from pathlib import Path
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct, inspect
from parkstream_service.settings import AMQP_URL, HTTP_URL, REDIS_URL
from parkstream_service.settings.kinds import extras_of
from parkstream_service.settings.urls import check_url, words_of_url

PREFIX: Final = "PARKSTREAM_"
PATHS: Final = ("_file", "_dir")
"""How a field ends that is a path: from the folder of the file of cells on."""

Amqp = Annotated[str, Meta(extra=AMQP_URL)]
Http = Annotated[str, Meta(extra=HTTP_URL)]
RedisUrl = Annotated[str, Meta(extra=REDIS_URL)]


class Cell(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """The endpoints of one mall; each field is the variable of that name. Passwords and tokens are in files."""

    backend_url: Http
    summary_url: Http
    rabbitmq_url: Amqp | None = None
    rabbitmq_url_file: str | None = None
    redis_url: RedisUrl | None = None
    redis_url_file: str | None = None
    console_url: Http | None = None
    entry_generator_url: Http | None = None
    exit_generator_url: Http | None = None
    api_token_file: str | None = None
    plate_hash_key_file: str | None = None
    rabbitmq_backend_user: str | None = None
    summary_file: str | None = None
    spans_file: str | None = None
    archive_dir: str | None = None
    redis_dir: str | None = None
    dedupe_days: Annotated[int, Meta(ge=1, le=3_650)] | None = None

    def environ(self, mall: str, folder: Path) -> dict[str, str]:
        """Return the variables of *mall*, whose cell this is; *folder*: where the file of cells lies."""
        values = {name: value for name, value in msgspec.to_builtins(self).items() if value is not None}
        return {f"{PREFIX}MALL": mall} | {
            PREFIX + name.upper(): str(folder / value) if name.endswith(PATHS) else str(value)
            for name, value in values.items()
        }


class FieldError(Exception):
    """What is wrong with the field *field* of a cell."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(problem)
        self.field = field


def cell_of(value: object) -> Cell:
    """Return the cell that *value*, as TOML has it, describes; raise ``FieldError``."""
    try:
        cell = msgspec.convert(value, Cell)
    except msgspec.ValidationError as error:
        problem, _, path = str(error).partition(" - at `$.")
        raise FieldError(path.rstrip("`") or _quoted_in(problem), problem) from error
    for name in URLS:
        if (url := getattr(cell, name)) is not None:
            check_address(name, url)
            if "password=" in url:
                advice = f"write it to a file that is yours only, and name that as {name}_file"
                raise FieldError(name, f"it has a password, which does not belong in this file: {advice}")
    for name in ("rabbitmq_url", "redis_url"):
        given = [field for field in (name, f"{name}_file") if getattr(cell, field) is not None]
        if len(given) != 1:
            problem = "both are given: leave one out" if given else "give one of them, the file if it has a password"
            raise FieldError(name, f"{name} and {name}_file: {problem}")
    return cell


def check_address(name: str, url: str) -> None:
    """Raise ``FieldError`` unless *url* is an address as the field *name* takes it, and names nobody."""
    schemes = URLS[name]
    try:
        check_url(url, schemes)
    except ValueError as error:
        raise FieldError(name, f"it takes {words_of_url(schemes)}") from error
    if "@" in url:
        own = f"{name}_file" in Cell.__struct_fields__
        advice = f"write it to a file that is yours only, and name that as {name}_file" if own else "leave both out"
        raise FieldError(name, f"it has a user and a password, which do not belong in this file: {advice}")


def _quoted_in(problem: str) -> str:
    """Return the name that *problem* quotes: of a field that there is none of."""
    return problem.split("`")[1] if "unknown field" in problem else ""


def _urls() -> dict[str, tuple[str, ...]]:
    info = inspect.type_info(Cell)
    assert isinstance(info, inspect.StructType)
    found = {field.name: extras_of(field.type).get("url") for field in info.fields}
    return {name: schemes for name, schemes in found.items() if schemes}


URLS: Final = _urls()
"""The fields that are addresses, each with the schemes that it takes."""
