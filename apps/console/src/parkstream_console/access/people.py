"""The people who may log in: each with the roles and the argon2 hash of a password of their own."""

import os
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Final, NamedTuple, Self

import msgspec
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from msgspec import Meta, Struct
from parkstream_service.access import CredentialsError, FileValue, Role
from parkstream_service.access.entries import Name, read_entries

KIND: Final = 'people, {"NAME": {"roles": […], "password": "$argon2id$…"}}'
PASSWORD_LENGTH_MIN: Final = 12
PASSWORD_LENGTH_MAX: Final = 1_000
_hasher: Final = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
"""As OWASP recommends where memory is short: 19 MiB."""


class Person(NamedTuple):
    """One who may log in."""

    name: str
    roles: frozenset[Role]
    password_hash: str

    @property
    def fingerprint(self) -> str:
        """Changes with the password: a session that has another one has ended."""
        return sha256(self.password_hash.encode()).hexdigest()[:16]


class _Written(Struct, forbid_unknown_fields=True):
    roles: Annotated[frozenset[Role], Meta(min_length=1)]
    password: Annotated[str, Meta(pattern=r"^\$argon2id\$", max_length=500)]


_decode = msgspec.json.Decoder(dict[Name, _Written]).decode


class People:
    """Those who may log in, as their file has them now."""

    def __init__(self, file: FileValue[dict[str, Person]]) -> None:
        self.file = file

    @classmethod
    def of_file(cls, path: Path) -> Self:
        """Return those whom the file at *path* names; raise ``CredentialsError``."""
        return cls(FileValue(path, read_people))

    @property
    def problem(self) -> str:
        """Why the file is not in force as it is now."""
        _ = self.file.now
        return self.file.problem

    def named(self, name: str) -> Person | None:
        """Return who is called *name*."""
        return self.file.now.get(name)

    def who(self, name: str, password: str) -> Person | None:
        """Return who is called *name*, if that is the *password*; it takes as long when nobody is."""
        person = self.named(name)
        right = is_right(person.password_hash if person else _nobodys_hash(), password)
        return person if right else None


def hash_of(password: str) -> str:
    """Return what stands for *password* in the file; raise ``ValueError`` when it is too short or too long."""
    if not PASSWORD_LENGTH_MIN <= len(password) <= PASSWORD_LENGTH_MAX:
        message = f"a password has {PASSWORD_LENGTH_MIN} to {PASSWORD_LENGTH_MAX} characters"
        raise ValueError(message)
    return _hasher.hash(password)


def is_right(password_hash: str, password: str) -> bool:
    """Whether *password* is the one that *password_hash* stands for."""
    try:
        return len(password) <= PASSWORD_LENGTH_MAX and _hasher.verify(password_hash, password)
    except VerificationError:
        return False


def _nobodys_hash() -> str:
    """Return the hash of a password that nobody knows."""
    global _nobody  # noqa: PLW0603 - made once, when it is first needed: it takes a while
    _nobody = _nobody or _hasher.hash(os.urandom(16).hex())
    return _nobody


_nobody = ""


def read_people(path: Path) -> dict[str, Person]:
    """Return those whom the file at *path* names; raise ``CredentialsError``."""
    written, _ = read_entries(path, _decode, KIND)
    return {name: Person(name, one.roles, _checked(one.password, f"{path}: {name}")) for name, one in written.items()}


def _checked(password_hash: str, whose: str) -> str:
    try:
        _hasher.check_needs_rehash(password_hash)
    except (InvalidHashError, ValueError) as error:
        message = (
            f"{whose} has a password that is no argon2 hash: take what `python -m parkstream_console password` prints"
        )
        raise CredentialsError(message) from error
    return password_hash
