"""As much of Redis' protocol (RESP2) as a proxy must understand: where a command or a reply ends, and its name."""

import re
from asyncio import StreamReader
from typing import Final

from msgspec import Struct

BY_SUBCOMMAND: Final = frozenset({"ACL", "CLIENT", "CONFIG", "FUNCTION", "MEMORY", "XGROUP", "XINFO"})
CALLS: Final = frozenset({"FCALL", "FCALL_RO"})
_VERSION: Final = re.compile(r"_\d+$")


class Command(Struct, frozen=True):
    """One command as it came: its *name* is that of the function when it calls one."""

    name: str
    raw: bytes


async def read_command(reader: StreamReader) -> Command:
    """Return the next command; raise ``IncompleteReadError`` at the end."""
    head = await reader.readuntil(b"\r\n")
    parts: list[bytes] = []
    raw = [head]
    for _ in range(int(head[1:])):
        length = await reader.readuntil(b"\r\n")
        part = await reader.readexactly(int(length[1:]) + 2)
        raw += (length, part)
        parts.append(part[:-2])
    return Command(_name_of(parts), b"".join(raw))


def _name_of(parts: list[bytes]) -> str:
    name = parts[0].decode().upper()
    if name in CALLS:
        return _VERSION.sub("", parts[1].decode())
    return f"{name} {parts[1].decode().upper()}" if name in BY_SUBCOMMAND and len(parts) > 1 else name


async def read_reply(reader: StreamReader) -> bytes:
    """Return the next whole reply, with all that it holds."""
    head = await reader.readuntil(b"\r\n")
    kind, size = head[:1], head[1:-2]
    if kind == b"$" and int(size) >= 0:
        return head + await reader.readexactly(int(size) + 2)
    if kind == b"*" and int(size) > 0:
        return head + b"".join([await read_reply(reader) for _ in range(int(size))])
    return head
