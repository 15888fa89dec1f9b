"""Addresses: which ones a variable takes, and how one is shown without its password."""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

AMQP_URL: Final = {"url": ("amqp", "amqps")}
HTTP_URL: Final = {"url": ("http", "https")}
REDIS_URL: Final = {"url": ("redis", "rediss", "redis+sentinel", "rediss+sentinel")}
"""What ``Meta(extra=…)`` says of a variable that takes such an address."""

MASK: Final = "***"
SENTINELS: Final = "+sentinel"
"""What a scheme ends with whose hosts are Sentinels, which know where the Redis is that they call by the path."""
CLUSTERED: Final = ("amqp", "amqps")
"""Schemes whose hosts may be several nodes of one cluster; then there is a user, too."""
_HOST: Final = r"(?:[a-z0-9_.-]+|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?"
_WITH_PORT: Final = r"(?:[a-z0-9_.-]+|\[[0-9a-f:.]+\]):[0-9]{1,5}"
"""Without a user and a port what follows a comma may be a password."""
_WELL_FORMED: Final = re.compile(
    rf"(?P<scheme>(?P<sentinels>rediss?\+sentinel://)|[a-z][a-z0-9+.-]*://)(?:(?P<user>[^\s:/?#@]*):[^\s/?#@]+@)?"
    rf"(?P<host>(?(sentinels){_WITH_PORT}(?:,{_WITH_PORT})*|{_HOST})|{_HOST}(?(user)(?:,{_HOST})*))"
    r"(?P<path>(?:/[a-z0-9_.~%+-]*)*)(?P<rest>[?#].*)?",
    re.IGNORECASE,
)
_PARTS: Final = re.compile(r"(?P<before>[^:/?#]*://(?:[^/?#]*@)?)(?P<hosts>[^/?#@]*)(?P<rest>.*)", re.DOTALL)
_HARMLESS: Final = re.compile(
    r"\?(?!.*(?:auth|key|login|pass|pwd|secret|token|user))[a-z_]+=[a-z0-9_.-]*", re.IGNORECASE
)
"""An option of a client that holds no credential."""
_SCHEME: Final = re.compile(r"(?:amqp|http|redis)s*(?:\+sentinel)?://", re.IGNORECASE)
_ANY_HOST: Final = re.compile(_HOST, re.IGNORECASE)
_ADDRESS_LIKE: Final = re.compile(r"[:/].*@|^\W*[a-z][a-z0-9+.-]*[:;=]?//", re.IGNORECASE | re.DOTALL)
_NAME: Final = re.compile(r"/[a-z0-9_.-]+", re.IGNORECASE)
_NO_ESCAPE: Final = re.compile("%(?![0-9a-f]{2})", re.IGNORECASE)


def check_url(text: str, schemes: Sequence[str]) -> None:
    """Raise ``ValueError`` unless *text* is an address of one of *schemes* with a host, in which nothing is ambiguous.

    A user has a password; what means something in an address is escaped in both.
    """
    parts = urlsplit(text)
    if not text.startswith(tuple(f"{scheme}://" for scheme in schemes)):
        raise ValueError(text)
    if parts.scheme.endswith(SENTINELS) and not _NAME.fullmatch(parts.path):
        raise ValueError(text)
    if not text.isprintable() or " " in text or _NO_ESCAPE.search(text) or parts.fragment:
        raise ValueError(text)
    user, _, beyond = parts.netloc.rpartition("@")
    if text.count("@") != parts.netloc.count("@") or "@" in user or (parts.username is not None and not parts.password):
        raise ValueError(text)
    clustered = parts.scheme in CLUSTERED and parts.username is not None
    for host in beyond.split(",") if clustered or parts.scheme.endswith(SENTINELS) else [beyond]:
        _check_host(host)


def _check_host(text: str) -> None:
    parts = urlsplit(f"//{text}")
    if not parts.hostname or "," in text or parts.port == 0:
        raise ValueError(text)
    if not text.startswith("["):
        parts.hostname.encode("idna")  # As the resolver does: an empty or too long part of the name is refused.


def urls_of_nodes(text: str) -> list[str]:
    """Return the address *text* once per host that it lists: those of the nodes of one cluster."""
    found = _PARTS.fullmatch(text)
    if found is None:
        return [text]
    return [f"{found['before']}{host}{found['rest']}" for host in found["hosts"].split(",")]


def endpoints_of(text: str, port: int) -> list[tuple[str, int]]:
    """Return the hosts of the address *text*, each with its port, which is *port* where it names none."""
    parts = [urlsplit(f"//{host}") for host in urlsplit(text).netloc.rpartition("@")[2].split(",")]
    return [(part.hostname or "", part.port or port) for part in parts]


def words_of_url(schemes: Sequence[str]) -> str:
    """Return what a variable takes that takes such an address."""
    words = " or ".join(
        f"{one}://{'HOST:PORT,HOST:PORT/NAME' if one.endswith(SENTINELS) else 'HOST:PORT'}" for one in schemes
    )
    return (
        f"{words}; of a cluster {schemes[0]}://USER:PASSWORD@HOST:PORT,HOST:PORT" if schemes[0] in CLUSTERED else words
    )


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


def may_hold_password(text: str) -> bool:
    """Return whether *text*, which should be something else, may be an address that stands in the wrong place."""
    return _ADDRESS_LIKE.search(text) is not None


def masked_in(message: str, texts: Iterable[str]) -> str:
    """Return *message* without the passwords of those of *texts* that it quotes and that may be addresses."""
    for text in filter(may_hold_password, texts):
        for quoted in (text, repr(text)[1:-1], str(Path(text))):
            message = message.replace(quoted, masked_url(text))
    return message


def hosts_of(text: str) -> str:
    """Return the address *text* without user and password."""
    scheme, mark, rest = masked_url(text).rpartition("://")
    return f"{scheme}{mark}{rest.rpartition('@')[2]}"
