"""Who calls a service, by the credential that each has of its own, and what each may do."""

import re
from collections.abc import Callable, Iterable
from enum import StrEnum
from hashlib import sha256
from hmac import compare_digest
from pathlib import Path
from typing import Annotated, Final, NamedTuple, Self

import msgspec
from msgspec import Meta, Struct

from parkstream_service.access.entries import CredentialsError, Name, read_entries
from parkstream_service.access.file_value import FileValue

HASHED: Final = "sha256:"
SECRET_LENGTH_MIN: Final = 16
MAY_READ_OTHERS: Final = 0o004
KIND: Final = 'callers, {"NAME": {"roles": […], "secrets": […]}}'


class Role(StrEnum):
    """What a caller may do; none includes another."""

    SUMMARIES_WRITE = "summaries:write"
    VISITS_READ = "visits:read"
    OPERATE = "operate"
    METRICS = "metrics"


class Caller(NamedTuple):
    """One of those who may call, and the hash of one of its credentials."""

    name: str
    roles: frozenset[Role]
    digest: bytes


class _Written(Struct, forbid_unknown_fields=True):
    """A caller as the file has it; the second secret is for the time of a rotation."""

    roles: Annotated[frozenset[Role], Meta(min_length=1)]
    secrets: Annotated[list[str], Meta(min_length=1, max_length=2)]


_decode = msgspec.json.Decoder(dict[Name, _Written]).decode


class Callers:
    """Those who may call, known by their credentials."""

    def __init__(self, callers: Callable[[], Iterable[Caller]], file: FileValue[tuple[Caller, ...]] | None) -> None:
        self._callers = callers
        self.file = file
        """Where they come from, unless from the environment."""

    @classmethod
    def of_token(cls, token: str) -> Self:
        """Return the one caller who has *token*, and may do all."""
        only = (Caller("api-token", frozenset(Role), sha256(token.encode()).digest()),)
        return cls(lambda: only, None)

    @classmethod
    def of_file(cls, path: Path) -> Self:
        """Return those whom the file at *path* names, as it is each time; raise ``CredentialsError``."""
        file = FileValue(path, read_callers)
        return cls(lambda: file.now, file)

    @property
    def problem(self) -> str:
        """Why the file is not in force as it is now."""
        self._callers()
        return self.file.problem if self.file else ""

    def who(self, secret: str) -> Caller | None:
        """Return whose credential *secret* is; how long that takes says nothing about any."""
        digest = sha256(secret.encode(errors="surrogateescape")).digest()
        found = None
        for caller in self._callers():
            if compare_digest(caller.digest, digest):
                found = caller
        return found

    def named(self, name: str) -> list[Caller]:
        """Return the caller *name*, once per credential."""
        return [caller for caller in self._callers() if caller.name == name]


def read_callers(path: Path) -> tuple[Caller, ...]:
    """Return those whom the file at *path* names; raise ``CredentialsError``."""
    written, mode = read_entries(path, _decode, KIND)
    plain = any(not secret.startswith(HASHED) for caller in written.values() for secret in caller.secrets)
    if plain and mode & MAY_READ_OTHERS:
        message = f"{path} holds secrets and may be read by everybody: chmod o-r {path}, or write {HASHED}… instead"
        raise CredentialsError(message)
    return _distinct(
        [
            Caller(name, caller.roles, _digest_of(secret, f"{path}: {name}"))
            for name, caller in written.items()
            for secret in caller.secrets
        ],
        path,
    )


def _digest_of(secret: str, whose: str) -> bytes:
    if not secret.startswith(HASHED):
        if len(secret) < SECRET_LENGTH_MIN or not secret.isprintable() or " " in secret:
            message = f"{whose} has a secret that is too short or no word: take {SECRET_LENGTH_MIN} or more characters"
            raise CredentialsError(message)
        return sha256(secret.encode()).digest()
    digest = secret.removeprefix(HASHED)
    if not re.fullmatch("[0-9a-f]{64}", digest):
        message = f"{whose} has a hash that is none: {HASHED} takes 64 hexadecimal digits"
        raise CredentialsError(message)
    return bytes.fromhex(digest)


def _distinct(callers: list[Caller], path: Path) -> tuple[Caller, ...]:
    owners: dict[bytes, str] = {}
    for caller in callers:
        if owners.setdefault(caller.digest, caller.name) != caller.name:
            message = (
                f"{path}: {owners[caller.digest]} and {caller.name} have the same secret; each takes one of its own"
            )
            raise CredentialsError(message)
    return tuple(callers)
