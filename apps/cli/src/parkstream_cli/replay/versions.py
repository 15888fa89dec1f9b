"""The versions of the projection as a table, and how one is removed."""

from parkstream_projection import Version, Versions
from rich.console import Console
from rich.table import Table

from parkstream_cli.connections import Opened


async def versions_of(it: Opened) -> list[Version]:
    """Return all versions."""
    return await Versions(it.redis, it.keys).all()


async def drop(it: Opened, number: int) -> list[Version]:
    """Remove version *number*, and return those that are left."""
    await Versions(it.redis, it.keys).drop(number)
    return await versions_of(it)


def show(versions: list[Version], console: Console) -> None:
    """Print *versions*."""
    table = Table("version", "checkpoint", "state hash", "")
    for version in versions:
        table.add_row(str(version.number), f"{version.checkpoint:,}", version.state_hash or "", _about(version))
    console.print(table)


def _about(version: Version) -> str:
    if version.live:
        return "live"
    if version.before:
        return "live before: --rollback goes back to it"
    return "" if version.rebuilt else "interrupted: parkstream replay goes on with it"
