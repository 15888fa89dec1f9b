"""Makes a mall a cell of its own: its secrets, vhost, users and rights, and its entry in the file of cells."""

import fcntl
import json
import os
import tomllib
from collections.abc import Generator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from msgspec import Struct
from parkstream_service.settings import urls_of_nodes

from parkstream_operations.cells import rabbitmq_rights, redis_rights
from parkstream_operations.cells.cell import FieldError, cell_of, check_address
from parkstream_operations.cells.cells_file import CellsError, cells_of, checked_name, read_cells
from parkstream_operations.cells.rights import acl_rules_of, definitions_of, user_of_mall
from parkstream_operations.cells.secret_files import FOLDER, SecretFiles, amqp_url_with, folder_name, url_with

ACL_FILE, DEFINITIONS_FILE = "redis_users.acl", "rabbitmq_definitions.json"
BROKER: Final = "rabbitmq_url"
"""Of several nodes: what has no port behind a comma may be a password."""
BY_HAND: Final = {
    DEFINITIONS_FILE: "import it into RabbitMQ (rabbitmqctl import_definitions), or run this again with --management",
    ACL_FILE: "add its lines to Redis' aclfile and ACL LOAD, or run this again with --redis-admin",
}


class Plan(Struct, frozen=True, kw_only=True):
    """A mall that is to be, and where its servers and services are; no address names a user."""

    mall: str
    rabbitmq_url: str
    redis_url: str
    backend_url: str
    summary_url: str
    console_url: str | None = None


class Step(Struct, frozen=True):
    """One thing that the mall needs, and what became of it."""

    what: str
    name: str
    state: str


class Added(Struct, frozen=True, kw_only=True):
    """All that was done, and what is left to do."""

    mall: str
    dry_run: bool
    secrets: str
    steps: list[Step]
    to_do: list[str]


async def add_cell(
    path: Path, plan: Plan, management_url: str | None, redis_admin_url: str | None, *, dry_run: bool
) -> Added:
    """Make the mall that *plan* describes, and list it in the file of cells at *path*; may be repeated.

    Raises ``CellsError``, ``UnreachableError`` of RabbitMQ, and what Redis raises.
    """
    entry = _entry(path, plan)
    with nullcontext() if dry_run else _alone(path):
        return await _made(path, plan, entry, management_url, redis_admin_url, dry_run=dry_run)


async def _made(  # noqa: PLR0913 - as ``add_cell``
    path: Path, plan: Plan, entry: str, management_url: str | None, redis_admin_url: str | None, *, dry_run: bool
) -> Added:
    files = SecretFiles(path.parent / FOLDER / folder_name(plan.mall), writes=not dry_run)
    rabbitmq, redis = files.passwords("rabbitmq"), files.passwords("redis")
    for role, password in rabbitmq.items():
        files.write(f"rabbitmq_url_{role}", amqp_url_with(plan.rabbitmq_url, plan.mall, role, password))
    for role, password in redis.items():
        files.write(f"redis_url_{role}", url_with(plan.redis_url, plan.mall, role, password))
    definitions, users = definitions_of(plan.mall, rabbitmq), acl_rules_of(plan.mall, redis)
    files.write(DEFINITIONS_FILE, json.dumps(definitions, indent=2))
    files.write(ACL_FILE, "".join(f"user {user} {' '.join(rules)}\n" for user, rules in users.items()))
    would = "would be " if dry_run else ""
    steps = [Step("secret", name, f"{would}written") for name in files.changed]
    to_do: list[str] = []
    if management_url:
        steps += [Step(*did) for did in await rabbitmq_rights.bring(management_url, definitions, dry_run=dry_run)]
    else:
        to_do.append(f"{files.folder / DEFINITIONS_FILE}: {BY_HAND[DEFINITIONS_FILE]}")
    if redis_admin_url:
        did, unsaved = await redis_rights.bring(redis_admin_url, users, dry_run=dry_run)
        steps += [Step("Redis user", *one) for one in did]
        to_do += [unsaved] if unsaved else []
    else:
        to_do.append(f"{files.folder / ACL_FILE}: {BY_HAND[ACL_FILE]}")
    if entry:
        steps.append(Step("entry", str(path), f"{would}written"))
    if entry and not dry_run:
        _append(path, plan)
    return Added(mall=plan.mall, dry_run=dry_run, secrets=str(files.folder), steps=steps, to_do=to_do)


def _entry(path: Path, plan: Plan) -> str:
    """Return what is to be written into the file of cells; nothing when that has it; raise ``CellsError``."""
    try:
        fields = _fields(plan)
        cell = cell_of(fields)
    except FieldError as error:
        message = f"{error.field or 'MALL'}: {error}"
        raise CellsError(message) from error
    known = read_cells(path).malls.get(plan.mall) if path.exists() else None
    if known is None:
        # A string in JSON is one in TOML, too.
        lines = [f"{name} = {json.dumps(value)}\n" for name, value in fields.items()]
        return _checked_entry(path, "".join([f"[malls.{json.dumps(plan.mall)}]\n", *lines]))
    differing = [name for name in fields if getattr(known, name) != getattr(cell, name)]
    if differing:
        message = f"{path} has the mall {plan.mall!r} with another {', '.join(differing)}: change it there, or move it"
        raise CellsError(message)
    return ""


def _fields(plan: Plan) -> dict[str, str]:
    """Return the fields of the cell that *plan* describes; raise ``FieldError`` for a name or a server that is none."""
    at = f"{FOLDER}/{folder_name(checked_name(plan.mall))}"
    nodes = urls_of_nodes(plan.rabbitmq_url)
    for node in nodes:
        check_address(BROKER, node)
    if len(nodes) > 1 and not all(urlsplit(node).port for node in nodes):
        raise FieldError(BROKER, "of several nodes each has its port, amqp://HOST:PORT,HOST:PORT")
    check_address("redis_url", plan.redis_url)
    return {
        "rabbitmq_url_file": f"{at}/rabbitmq_url_cli",
        "rabbitmq_backend_user": user_of_mall(plan.mall, "backend"),
        "redis_url_file": f"{at}/redis_url_cli",
        "backend_url": plan.backend_url,
        "summary_url": plan.summary_url,
        **({"console_url": plan.console_url} if plan.console_url else {}),
    }


def _checked_entry(path: Path, entry: str) -> str:
    """Return *entry*; raise ``CellsError`` when there can be no such table behind what *path* has."""
    text = _with_entry(path, entry)
    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        message = f"{path} takes no table more: write its malls as [malls.NAME], then run this again"
        raise CellsError(message) from error
    cells_of(path, found, text)
    return entry


def _with_entry(path: Path, entry: str) -> str:
    text = path.read_bytes().decode("utf-8-sig") if path.exists() else ""
    return f"{text.rstrip()}\n\n{entry}" if text.strip() else entry


def _append(path: Path, plan: Plan) -> None:
    """Add the entry of *plan* to what the file has by now, as a whole: who reads it meanwhile finds either."""
    if not (entry := _entry(path, plan)):
        return
    target = path.resolve()
    fresh = target.with_name(f"{target.name}.fresh")
    fresh.unlink(missing_ok=True)
    with fresh.open("xb") as written:
        written.write(_with_entry(target, entry).encode())
        written.flush()
        os.fsync(written.fileno())
    if target.exists():
        fresh.chmod(target.stat().st_mode & 0o777)
    fresh.replace(target)


@contextmanager
def _alone(path: Path) -> Generator[None]:
    """Keep everybody else from adding to *path*: two of them would give one mall two passwords."""
    path.parent.mkdir(parents=True, exist_ok=True)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            message = f"another parkstream cells add is at work in {path.parent}: run this again when it has ended"
            raise CellsError(message) from error
        yield
    finally:
        os.close(folder)
