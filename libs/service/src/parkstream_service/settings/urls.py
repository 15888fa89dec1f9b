"""Addresses: which ones a variable takes, and how one is shown without its password."""

import re
from collections.abc import Sequence
from typing import Final
from urllib.parse import urlsplit

AMQP_URL: Final = {"url": ("amqp", "amqps")}
HTTP_URL: Final = {"url": ("http", "https")}
REDIS_URL: Final = {"url": ("redis", "rediss")}
"""What ``Meta(extra=…)`` says of a variable that takes such an address."""

MASK: Final = "***"
_USER: Final = re.compile(r"[a-z][a-z0-9+.-]*://[^:/@]*", re.IGNORECASE)


def check_url(text: str, schemes: Sequence[str]) -> None:
    """Raise ``ValueError`` unless *text* is an address of one of *schemes* with a host; a port must be possible."""
    parts = urlsplit(text)
    host = parts.hostname or ""
    if parts.scheme not in schemes or not host or parts.port == 0 or not text.isprintable() or " " in text:
        raise ValueError(text)
    if ":" not in host:
        host.encode("idna")  # As the resolver does: an empty or too long part of the name is refused.


def words_of_url(schemes: Sequence[str]) -> str:
    """Return what a variable takes that takes such an address."""
    scheme, *_ = schemes
    return f"{scheme}://HOST:PORT" + "".join(f" or {other}://HOST:PORT" for other in schemes[1:])


def masked_url(text: str) -> str:
    """Return *text* without the password that it may hold, however odd an address it is."""
    head, at, host = text.rpartition("@")
    if not at:
        return text
    user = _USER.match(head)
    if user is None:
        return f"{MASK}@{host}"
    return text if user[0] == head else f"{user[0]}:{MASK}@{host}"
