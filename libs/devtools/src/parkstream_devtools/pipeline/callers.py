"""Who may call the pipeline's services: a file of callers of its own, and their credentials."""

import secrets
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct
from parkstream_service.access import HASHED, Role

OWN_VARIABLE: Final = "PARKSTREAM_API_TOKEN"
FILE_VARIABLE: Final = "PARKSTREAM_CREDENTIALS_FILE"
FILE: Final = "credentials.json"
ROLES: Final = {
    "operator": [Role.METRICS, Role.OPERATE, Role.VISITS_READ],
    "backend": [Role.SUMMARIES_WRITE],
}


class Credentials(Struct, frozen=True):
    """The *file* of callers, which has hashes only, and what two of them show."""

    file: Path
    operator: str
    backend: str

    @property
    def of_all(self) -> dict[str, str]:
        """What every service is given."""
        return {FILE_VARIABLE: str(self.file)}

    @property
    def of_backend(self) -> dict[str, str]:
        """What the backend is given beside that."""
        return {OWN_VARIABLE: self.backend}


def make_credentials(folder: Path, environ: Mapping[str, str]) -> Credentials:
    """Make callers in *folder*; who operates may bring a credential in *environ*, to ask services while they run."""
    operator = environ.get(OWN_VARIABLE) or secrets.token_hex()
    made = Credentials(folder / FILE, operator, secrets.token_hex())
    callers = {
        name: {"roles": roles, "secrets": [HASHED + sha256(getattr(made, name).encode()).hexdigest()]}
        for name, roles in ROLES.items()
    }
    made.file.touch(0o600)
    made.file.write_bytes(msgspec.json.encode(callers))
    return made
