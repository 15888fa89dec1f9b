"""Brings a mall's vhost, users and rights into a RabbitMQ, through its management interface."""

import base64
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from parkstream_service.client import ServiceClient

BY: Final = {
    "vhosts": ("name",),
    "users": ("name",),
    "permissions": ("user", "vhost"),
    "topic_permissions": ("user", "vhost", "exchange"),
    "exchanges": ("name", "vhost"),
    "queues": ("name", "vhost"),
    "bindings": ("source", "vhost", "destination", "routing_key"),
}
"""By what each of a kind is known."""
NEVER_REPLACED: Final = frozenset({"vhosts", "exchanges", "queues", "bindings"})


async def bring(management_url: str, wanted: Mapping[str, Any], *, dry_run: bool) -> list[tuple[str, str, str]]:
    """Let RabbitMQ have all that is *wanted*; return of each what it is, how it is called, and what became of it.

    *management_url* names who may do that, with a password. Raises ``UnreachableError``.
    """
    url, headers = _address(management_url)
    async with ServiceClient(headers=headers) as client:
        found = await client.get(f"{url}/api/definitions", dict[str, Any])
        missing, did = _compared(wanted, found, dry_run=dry_run)
        if not dry_run and any(missing.values()):
            await client.send(f"{url}/api/definitions", missing)
    return did


def _compared(
    wanted: Mapping[str, Any], found: Mapping[str, Any], *, dry_run: bool
) -> tuple[dict[str, list[Any]], list[tuple[str, str, str]]]:
    missing: dict[str, list[Any]] = {}
    did: list[tuple[str, str, str]] = []
    would = "would be " if dry_run else ""
    for kind, names in BY.items():
        there = {tuple(one.get(name) for name in names): one for one in found.get(kind, [])}
        missing[kind] = []
        for one in wanted[kind]:
            name = tuple(one[name] for name in names)
            same = name in there and (kind in NEVER_REPLACED or _holds(there[name], one))
            state = "there" if same else f"{would}{'changed' if name in there else 'made'}"
            did.append((kind.removesuffix("s").replace("_", " "), " ".join(name), state))
            if not same:
                missing[kind].append(one)
    return missing, did


def _holds(there: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    return all(there.get(name) == value for name, value in wanted.items() if value)


def _address(url: str) -> tuple[str, dict[str, str]]:
    """Return *url* without its user, and the headers that say who it is."""
    parts = urlsplit(url)
    _, _, host = parts.netloc.rpartition("@")
    who = f"{unquote(parts.username or '')}:{unquote(parts.password or '')}"
    headers = {"authorization": f"Basic {base64.b64encode(who.encode()).decode()}"}
    return f"{parts.scheme}://{host}", headers
