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
_HOST: Final = r"(?:[a-z0-9_.-]+|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?"
_WELL_FORMED: Final = re.compile(
    rf"(?P<scheme>[a-z][a-z0-9+.-]*://)(?:(?P<user>[^\s:/?#@]*):[^\s/?#@]+@)?(?P<host>{_HOST})"
    r"(?P<path>(?:/[a-z0-9_.~%+-]*)*)(?P<rest>[?#].*)?",
    re.IGNORECASE,
)
_HARMLESS: Final = re.compile(
    r"\?(?!.*(?:auth|key|login|pass|pwd|secret|token|user))[a-z_]+=[a-z0-9_.-]*", re.IGNORECASE
)
"""An option of a client that holds no credential."""
_SCHEME: Final = re.compile(r"(?:amqp|http|redis)s*://", re.IGNORECASE)
_ANY_HOST: Final = re.compile(_HOST, re.IGNORECASE)
_NO_ESCAPE: Final = re.compile("%(?![0-9a-f]{2})", re.IGNORECASE)


def check_url(text: str, schemes: Sequence[str]) -> None:
    """Raise ``ValueError`` unless *text* is an address of one of *schemes* with a host, in which nothing is ambiguous.

    A user has a password; what means something in an address is escaped in both.
    """
    parts = urlsplit(text)
    host = parts.hostname or ""
    if not text.startswith(tuple(f"{scheme}://" for scheme in schemes)) or not host or parts.port == 0:
        raise ValueError(text)
    if not text.isprintable() or " " in text or _NO_ESCAPE.search(text) or parts.fragment:
        raise ValueError(text)
    user, _, beyond = parts.netloc.rpartition("@")
    if text.count("@") != parts.netloc.count("@") or "@" in user or (parts.username is not None and not parts.password):
        raise ValueError(text)
    if not beyond.startswith("["):
        host.encode("idna")  # As the resolver does: an empty or too long part of the name is refused.


def words_of_url(schemes: Sequence[str]) -> str:
    """Return what a variable takes that takes such an address."""
    scheme, *_ = schemes
    return f"{scheme}://HOST:PORT" + "".join(f" or {other}://HOST:PORT" for other in schemes[1:])


def masked_url(text: str) -> str:
    """Return *text* without the password that it may hold, however odd an address it is.

    Of what is no address nothing is left but the host after the last ``@``: anything else may be part of a password.
    """
    found = _WELL_FORMED.fullmatch(text)
    if found is None or "@" in (found["rest"] or ""):
        scheme = _SCHEME.match(text)
        _, at, host = text.rpartition("@")
        return f"{scheme[0] if scheme else ''}{MASK}" + (f"@{host}" if at and _ANY_HOST.fullmatch(host) else "")
    user = "" if found["user"] is None else f"{found['user']}:{MASK}@"
    rest = found["rest"] or ""
    shown = rest if not rest or _HARMLESS.fullmatch(rest) else f"?{MASK}"
    return f"{found['scheme']}{user}{found['host']}{found['path']}{shown}"


def hosts_of(text: str) -> str:
    """Return the address *text* without user and password."""
    scheme, mark, rest = masked_url(text).rpartition("://")
    return f"{scheme}{mark}{rest.rpartition('@')[2]}"
