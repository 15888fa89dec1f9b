"""Addresses of a mall's servers as its secrets keep them: which server each leads to, and the same at another one."""

from collections.abc import Callable
from pathlib import Path


def moved_address(text: str, url: str) -> str:
    """Return the address *text* at the server of *url*: with its own user and password, whoever *url* names."""
    who, at, _ = text.partition("://")[2].rpartition("@")
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{who}{at}{rest.rpartition('@')[2]}"


def moved_in_vhost(text: str, url: str) -> str:
    """Return the same of RabbitMQ, with its own vhost, too."""
    _, slash, vhost = text.partition("://")[2].rpartition("@")[2].partition("/")
    return f"{moved_address(text, url)}{slash}{vhost}"


def server_of(text: str) -> str:
    """Return which RabbitMQ the address *text* leads to, without user and vhost."""
    scheme, _, rest = text.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2].partition('/')[0]}"


def backend_file(file: Path) -> Path:
    """Return where the backend's address is, for a mall whose address of RabbitMQ is in *file*."""
    own = file.with_name("rabbitmq_url_backend")
    return own if own.exists() else file


def write_addresses(file: Path, names: str, moved: Callable[[str], str]) -> list[Path]:
    """Let *file*, and those beside it that *names* matches, have their address as *moved* returns it; return them."""
    changed: list[Path] = []
    for one in sorted({file, *file.parent.glob(names)}):
        text = one.read_text("utf-8").strip()
        if (address := moved(text)) != text:
            one.write_text(address, "utf-8")  # In place: a file that is mounted is followed by its inode.
            changed.append(one)
    return changed
