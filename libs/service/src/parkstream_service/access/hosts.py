"""By which name a request asks for us, and which page made a browser send it.

A page can have any request sent to an address that its own name resolves to (DNS rebinding), or to ours across sites.
It cannot choose what the browser writes into ``Host``, ``Origin`` and ``Sec-Fetch-Site``.
"""

import re
from collections.abc import Iterable, Sequence
from ipaddress import ip_address
from typing import Final, NamedTuple

LOOPBACK: Final = ("127.0.0.1", "[::1]", "localhost")
NOT_FOREIGN: Final = frozenset({"same-origin", "same-site", "none"})
_NAME: Final = r"(\[[0-9a-f:.]+\]|[a-z0-9]+(?:[._-]+[a-z0-9]+)*)"
_HOST: Final = re.compile(_NAME, re.IGNORECASE)
_AUTHORITY: Final = re.compile(rf"{_NAME}(?::[0-9]{{1,5}})?", re.IGNORECASE)
_ORIGIN: Final = re.compile(rf"https?://{_NAME}(?::[0-9]{{1,5}})?", re.IGNORECASE)


class Arrival(NamedTuple):
    """A request as it arrived: its *headers*, and the address of ours that it reached, if that is known."""

    headers: Iterable[tuple[bytes, bytes]]
    address: str = ""
    page: bool = False
    """Whether it asks for a page without data, to which a link of another site may lead."""


def checked_hosts(hosts: Sequence[str]) -> frozenset[str]:
    """Return *hosts* as they are compared; raise ``ValueError`` when one is no name without a port."""
    for host in hosts:
        if not _HOST.fullmatch(host):
            message = f"PARKSTREAM_ALLOWED_HOSTS has {host!r}; it takes names without ports: localhost, 10.0.0.1, [::1]"
            raise ValueError(message)
    return frozenset(host.lower() for host in hosts)


def is_loopback(host: str) -> bool:
    """Whether what listens on *host* is reached from this machine only."""
    if host == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def objection(arrival: Arrival, allowed: frozenset[str]) -> str:
    """Return why a request is none for us, which are called by the *allowed* names; "" when there is no reason."""
    found: dict[str, list[str]] = {}
    for name, value in arrival.headers:
        found.setdefault(name.decode("latin-1").lower(), []).append(value.decode("latin-1").strip())
    ours = allowed | _own_address(arrival.address)
    hosts = [_named(_AUTHORITY, host) for host in found.get("host", [])]
    if len(hosts) != 1 or hosts[0] not in ours:
        return "the header Host names nobody here; PARKSTREAM_ALLOWED_HOSTS has the names of this service"
    if any(_named(_ORIGIN, origin) not in ours for origin in found.get("origin", [])):
        return "the header Origin is that of another site; PARKSTREAM_ALLOWED_HOSTS has the names of this service"
    if any(site.lower() not in NOT_FOREIGN for site in found.get("sec-fetch-site", [])) and not _follows(
        found, arrival
    ):
        return "a page of another site had a browser send this"
    return ""


def _named(pattern: re.Pattern[str], text: str) -> str | None:
    match = pattern.fullmatch(text)
    return match[1].lower() if match else None


def _own_address(address: str) -> frozenset[str]:
    """Return the address that the request reached: who names it by that was not sent here by a name of his own."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return frozenset()
    if parsed.is_unspecified:
        return frozenset()
    return frozenset({f"[{parsed}]" if parsed.version == 6 else str(parsed)})  # noqa: PLR2004 - IPv6


def _follows(found: dict[str, list[str]], arrival: Arrival) -> bool:
    """Whether a person followed a link to a page, into a window of its own."""
    asked = found.get("sec-fetch-mode"), found.get("sec-fetch-dest")
    return arrival.page and asked == (["navigate"], ["document"])
