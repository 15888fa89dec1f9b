"""The files with the passwords and addresses of one mall; what exists is never made anew."""

import os
import secrets
import stat
from pathlib import Path
from typing import Final
from urllib.parse import quote, urlsplit

from parkstream_operations.cells.cells_file import CellsError
from parkstream_operations.cells.rights import NOT_IN_RABBITMQ, ROLES, user_of_mall

FOLDER: Final = "secrets"
PASSWORD_BYTES: Final = 24
OTHERS_WRITE: Final = 0o022


def folder_name(mall: str) -> str:
    """Return what the folder of *mall* is called: a name that leads nowhere else."""
    return quote(mall, safe="").replace(".", "%2E")


class SecretFiles:
    """What lies in *folder*, which is for its owner only; without *writes* nothing is made."""

    def __init__(self, folder: Path, *, writes: bool) -> None:
        self.folder = folder
        self._writes = writes
        self.changed: list[str] = []
        """The names of the files that were not there, or had something else in them."""
        if folder.parent.exists():
            _check_ours(folder)
        if writes:
            folder.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
            folder.mkdir(mode=0o700, exist_ok=True)
            folder.chmod(0o700)

    def passwords(self, server: str) -> dict[str, str]:
        """Return each role's password of *server* (``redis``, ``rabbitmq``); those that are missing are made."""
        roles = [role for role in ROLES if not (server == "rabbitmq" and role == NOT_IN_RABBITMQ)]
        return {role: self._kept(f"{server}_password_{role}") for role in roles}

    def write(self, name: str, text: str) -> None:
        """Let the file *name* have *text*: others may read it, but may not enter the folder."""
        file = self.folder / name
        if file.exists() and file.read_bytes() == text.encode():
            return
        self.changed.append(name)
        if self._writes:
            descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o644)
            with os.fdopen(descriptor, "w", encoding="utf-8") as written:
                written.write(text)

    def _kept(self, name: str) -> str:
        file = self.folder / name
        try:
            if file.exists() and (text := file.read_text("utf-8").strip()):
                return text
        except UnicodeDecodeError as error:
            message = f"{file} is no text: bring back what it was, or remove it to have a new password made"
            raise CellsError(message) from error
        self.write(name, made := secrets.token_hex(PASSWORD_BYTES))
        return made


def _check_ours(folder: Path) -> None:
    """Raise ``CellsError`` when others may have put something into *folder*, or may enter it."""
    for path in (folder.parent, folder, *(sorted(folder.iterdir()) if folder.is_dir() else ())):
        found = path.stat() if path == folder.parent else path.lstat() if path.is_symlink() or path.exists() else None
        if found is None:
            continue
        if stat.S_ISLNK(found.st_mode) or found.st_uid not in {os.geteuid(), 0}:
            message = f"{path} is a link or belongs to somebody else: look at it, and remove it or make it yours"
            raise CellsError(message)
        if found.st_mode & OTHERS_WRITE:
            message = f"others may write {path}: see that all in it is yours, then chmod go-w {path}"
            raise CellsError(message)


def url_with(url: str, mall: str, role: str, password: str) -> str:
    """Return the address *url*, which names nobody, for *role* of *mall*."""
    parts = urlsplit(url)
    user, secret = (quote(part, safe="") for part in (user_of_mall(mall, role), password))
    return parts._replace(netloc=f"{user}:{secret}@{parts.netloc}").geturl()


def amqp_url_with(url: str, mall: str, role: str, password: str) -> str:
    """Return the same of RabbitMQ, on the vhost of *mall*."""
    parts = urlsplit(url_with(url, mall, role, password))
    return parts._replace(path=f"/{quote(mall, safe='')}").geturl()
