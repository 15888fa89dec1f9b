"""By which name a request asks for us, and which page made a browser send it.

A page can have any request sent to an address that its own name resolves to (DNS rebinding), or to ours across sites.
It cannot choose what the browser writes into ``Host``, ``Origin`` and ``Sec-Fetch-Site``.
"""

import re
from collections.abc import Iterable, Sequence
from ipaddress import ip_address
from typing import Final, NamedTuple

from parkstream_service.refusals import Refusal

PORT_MAX: Final = 65_535
LOOPBACK: Final = ("127.0.0.1", "[::1]", "localhost")
NOT_FOREIGN: Final = frozenset({"same-origin", "same-site", "none"})
_NAME: Final = r"(\[[0-9a-f:.]+\]|[a-z0-9]+(?:[._-]+[a-z0-9]+)*)"
_HOST: Final = re.compile(_NAME, re.IGNORECASE)
_AUTHORITY: Final = re.compile(rf"{_NAME}(?::([0-9]{{1,5}}))?", re.IGNORECASE)
_ORIGIN: Final = re.compile(rf"https?://{_NAME}(?::([0-9]{{1,5}}))?", re.IGNORECASE)
_PAGE: Final = re.compile(rf"{_ORIGIN.pattern}(?=[/?#]|\Z)", re.IGNORECASE)
_SETTING: Final = "PARKSTREAM_ALLOWED_HOSTS has the names of this service"


class Arrival(NamedTuple):
    """A request as it arrived: its *headers*, and the address of ours that it reached, if that is known."""

    headers: Iterable[tuple[bytes, bytes]]
    address: str = ""
    page: bool = False
    """Whether it asks for a page without data, to which a link of another site may lead."""


class Objection(NamedTuple):
    """Why a request is none for us, for machines and for people."""

    why: Refusal
    detail: str


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


def objection(arrival: Arrival, allowed: frozenset[str]) -> Objection | None:
    """Return why a request is none for us, who are called by the *allowed* names; nothing when there is no reason."""
    found: dict[str, list[str]] = {}
    for name, value in arrival.headers:
        found.setdefault(name.decode("latin-1").lower(), []).append(value.decode("latin-1").strip())
    ours = allowed | _own_address(arrival.address)
    hosts = [_named(_AUTHORITY, host) for host in found.get("host", [])]
    if len(hosts) != 1 or hosts[0] not in ours:
        return Objection(Refusal.HOST, f"the header Host names nobody here; {_SETTING}")
    if any(_named(_ORIGIN, origin) not in ours for origin in found.get("origin", [])):
        return Objection(Refusal.ORIGIN, f"the header Origin is that of another site; {_SETTING}")
    if _of_another_site(found, ours) and not _follows(found, arrival):
        return Objection(Refusal.SITE, "a page of another site had a browser send this")
    return None


def _of_another_site(found: dict[str, list[str]], ours: frozenset[str]) -> bool:
    """Whether a browser says so, or, if it says nothing of it, the page that it names."""
    if sites := found.get("sec-fetch-site"):
        return any(site.lower() not in NOT_FOREIGN for site in sites)
    pages = [_PAGE.match(page) for page in found.get("referer", [])]
    return any(page is None or page[1].lower() not in ours for page in pages)


def _named(pattern: re.Pattern[str], text: str) -> str | None:
    match = pattern.fullmatch(text)
    return match[1].lower() if match and int(match[2] or 0) <= PORT_MAX else None


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
    return arrival.page and ("sec-fetch-site" not in found or asked == (["navigate"], ["document"]))
