"""The users that a mall has in RabbitMQ and in Redis, and what each may do: as in containers, for this mall only."""

import base64
import hashlib
import re
from collections.abc import Mapping
from importlib.resources import files
from typing import Any, Final

import msgspec

ROLES: Final = ("backend", "cli", "console", "entry_generator", "exit_generator", "summary_api")
"""Who of a mall has users; the others of a Redis or a RabbitMQ belong to whoever runs it."""
NOT_IN_RABBITMQ: Final = "summary_api"
OF_ALL_MALLS: Final = frozenset({"+bgrewriteaof", "+client|pause", "+client|unpause"})
"""What a backup does to a whole Redis: no mall may do it to the others."""
_SPECIAL: Final = re.compile(r"([\\*?\[\]])")
"""What means something in a pattern of Redis."""


def user_of_mall(mall: str, role: str) -> str:
    """Return what *role* of *mall* is called in RabbitMQ and in Redis."""
    return f"{mall}.{role}"


def definitions_of(mall: str, passwords: Mapping[str, str]) -> dict[str, Any]:
    """Return what RabbitMQ imports for *mall*: its vhost, and by role the users with *passwords* and their rights."""
    found: dict[str, Any] = msgspec.json.decode(_text("definitions.json"))
    wanted: dict[str, Any] = {"vhosts": [{"name": mall}]}
    for kind in ("users", "permissions", "topic_permissions", "exchanges", "queues", "bindings"):
        wanted[kind] = [_of_mall(one, kind, mall) for one in found[kind] if _role_in(one, kind) in {"", *ROLES}]
    for user in wanted["users"]:
        user["password_hash"] = rabbitmq_hash(passwords[user["name"].rpartition(".")[2]])
    return wanted


def _role_in(one: Mapping[str, Any], kind: str) -> str:
    role: str = one["name"] if kind == "users" else one.get("user", "")
    return role


def _of_mall(one: Mapping[str, Any], kind: str, mall: str) -> dict[str, Any]:
    changed = dict(one)
    if kind == "users":
        return {**changed, "name": user_of_mall(mall, one["name"])}
    if "user" in one:
        changed["user"] = user_of_mall(mall, one["user"])
    return {**changed, "vhost": mall}


def acl_rules_of(mall: str, passwords: Mapping[str, str]) -> dict[str, list[str]]:
    """Return the users of *mall* in Redis, each with its rules, as ``ACL SETUSER`` takes them."""
    rules = _text("users.acl").replace("\\\n", " ").splitlines()
    by_role = {line.split()[1]: line.split()[2:] for line in rules if line.startswith("user ")}
    return {
        user_of_mall(mall, role): ["reset", *(_rule(rule, mall, passwords[role]) for rule in _own(by_role[role]))]
        for role in ROLES
    }


def _own(rules: list[str]) -> list[str]:
    return [rule for rule in rules if rule not in OF_ALL_MALLS]


def _rule(rule: str, mall: str, password: str) -> str:
    if rule.startswith("#"):
        return f"#{hashlib.sha256(password.encode()).hexdigest()}"
    if rule.startswith("~"):
        plain = _SPECIAL.sub(r"\\\1", mall)
        return rule.removesuffix("*") + "{" + plain + "}:*"
    return rule


def rabbitmq_hash(password: str) -> str:
    """Return *password* as RabbitMQ keeps it; salted by itself, which 192 random bits allow: it stays the same."""
    salt = hashlib.sha256(b"salt" + password.encode()).digest()[:4]
    return base64.b64encode(salt + hashlib.sha256(salt + password.encode()).digest()).decode()


def _text(name: str) -> str:
    return files("parkstream_operations.cells").joinpath(name).read_text(encoding="utf-8")
