"""Who may call the pipeline's services: a file of callers of its own, and their credentials."""

import secrets
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct
from parkstream_service.access import HASHED, Role

from parkstream_devtools.private_files import write_private

OWN_VARIABLE: Final = "PARKSTREAM_API_TOKEN"
FILE_VARIABLE: Final = "PARKSTREAM_CREDENTIALS_FILE"
FILE: Final = "credentials.json"
SECRETS: Final = "secrets.json"
ROLES: Final = {
    "operator": [Role.METRICS, Role.OPERATE, Role.VISITS_READ],
    "backend": [Role.SUMMARIES_WRITE],
}


class Credentials(Struct, frozen=True):
    """The *file* of callers, which has hashes only, and what two of them show."""

    file: Path
    operator: str
    backend: str
    session_key: str
    """What the console encrypts sessions with."""

    @property
    def of_all(self) -> dict[str, str]:
        """What every service is given."""
        return {FILE_VARIABLE: str(self.file)}

    @property
    def of_backend(self) -> dict[str, str]:
        """What the backend is given beside that."""
        return {OWN_VARIABLE: self.backend}

    @property
    def of_console(self) -> dict[str, str]:
        """What the console is given beside that: who logs in is the operator."""
        return {OWN_VARIABLE: self.operator, "PARKSTREAM_SESSION_KEY": self.session_key}


def make_credentials(folder: Path, environ: Mapping[str, str]) -> Credentials:
    """Make callers in *folder*, once; who operates may bring a credential in *environ*, to ask services that run."""
    known = _secrets(folder / SECRETS)
    made = Credentials(
        folder / FILE, environ.get(OWN_VARIABLE) or known["operator"], known["backend"], known["console"]
    )
    callers = {
        name: {"roles": roles, "secrets": [HASHED + sha256(getattr(made, name).encode()).hexdigest()]}
        for name, roles in ROLES.items()
    }
    write_private(made.file, msgspec.json.encode(callers))
    return made


def _secrets(file: Path) -> dict[str, str]:
    """Return a secret for each role, those that are in *file* and new ones, which are in it then."""
    known = msgspec.json.decode(file.read_bytes(), type=dict[str, str]) if file.exists() else {}
    made = {name: secrets.token_hex() for name in (*ROLES, "console")} | known
    write_private(file, msgspec.json.encode(made))
    return made
