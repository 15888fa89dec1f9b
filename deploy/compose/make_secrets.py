#!/usr/bin/env python3
"""Makes the passwords and keys of a deployment, once; ``./dev secrets`` runs it, and so can a bare Python 3.9.

What exists is never overwritten. Where they are is noted in .env, without which the compose files name this command.
What is derived from passwords (URLs, RabbitMQ's definitions, Redis' users) is written
anew each time, so that rights follow an upgrade. The folder is for its owner only; the files in it may be read by
whoever gets in, because containers that they are mounted into run as somebody else.
"""

import argparse
import base64
import hashlib
import json
import os
import secrets
import string
import sys
from collections.abc import Callable
from pathlib import Path

HERE = Path(__file__).resolve().parent
FOLDER = HERE / ".secrets"
ENV = HERE / ".env"
VARIABLE = "PARKSTREAM_SECRETS"
RABBITMQ_USERS = ("admin", "backend", "cli", "entry_generator", "exit_generator")
REDIS_USERS = ("backend", "cli", "collector", "entry_generator", "exit_generator", "loader", "summary_api")
CALLERS = {
    "operator": ("api_token", ["metrics", "operate", "visits:read"]),
    "backend": ("api_token_backend", ["summaries:write"]),
    "cli": ("api_token_cli", ["operate", "visits:read"]),
    "metrics": ("api_token_metrics", ["metrics"]),
}
"""Who calls the services: the file of each one's credential, and what it may do."""
PASSWORD_BYTES = 24
NEXT = """\
next: docker compose -f deploy/compose/compose.lite.yaml up --wait    (about 1.2 GB)
  or: docker compose -f deploy/compose/compose.yaml up --wait         (with SigNoz, about 6 GB)
"""
KINDS = string.ascii_lowercase, string.ascii_uppercase, string.digits, "-_.+"


def main() -> int:
    """Make what is missing; return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    named = os.environ.get(VARIABLE)
    where = "where they are kept (default: $PARKSTREAM_SECRETS, or .secrets here)"
    parser.add_argument("--folder", type=Path, default=HERE / named if named else None, help=where)
    chosen: Path | None = parser.parse_args().folder
    folder = chosen or FOLDER
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    made = Secrets(folder).all()
    sys.stdout.write(f"{folder}: {f'made {len(made)}: ' + ', '.join(made) if made else 'nothing was missing'}\n")
    if chosen is None:
        note(ENV, f"{VARIABLE}={folder.name}")
    elif not named:
        sys.stdout.write(f"set {VARIABLE}={folder.absolute()}, in the environment or in {ENV}\n")
    sys.stdout.write(NEXT)
    return 0


def note(file: Path, line: str) -> None:
    """Add *line* to *file*, which is the user's, unless its variable is there."""
    text = file.read_text("utf-8") if file.exists() else ""
    if not any(one.startswith(line.partition("=")[0] + "=") for one in text.splitlines()):
        file.write_text(text + ("" if text.endswith("\n") or not text else "\n") + line + "\n", "utf-8")


class Secrets:
    """The files in *folder*."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._made: list[str] = []

    def all(self) -> list[str]:
        """Make what is missing, derive the rest, and return the names of what was made."""
        for name in ("plate_hash_key", "signoz_jwt_secret", *(file for file, _ in CALLERS.values())):
            self._kept(name, hexadecimal)
        self._write("credentials.json", self._callers())
        self._kept("signoz_root_password", of_all_kinds)
        for user in RABBITMQ_USERS:
            password = self._kept(f"rabbitmq_password_{user}", hexadecimal)
            self._write(f"rabbitmq_url_{user}", f"amqp://{user}:{password}@rabbitmq:5672/")
        for user in REDIS_USERS:
            password = self._kept(f"redis_password_{user}", hexadecimal)
            self._write(f"redis_url_{user}", f"redis://{user}:{password}@redis:6379")
        self._write("rabbitmq_definitions.json", self._definitions())
        self._write("redis_users.acl", self._users())
        return self._made

    def _callers(self) -> str:
        """Return the callers with hashes of their credentials; one that was changed stays valid until the next run."""
        file = self._folder / "credentials.json"
        before = json.loads(file.read_text("utf-8")) if file.exists() else {}
        callers = {}
        for name, (secret, roles) in CALLERS.items():
            digest = "sha256:" + hashlib.sha256(self._read(secret).encode()).hexdigest()
            earlier = [one for one in before.get(name, {}).get("secrets", [])[:1] if one != digest]
            callers[name] = {"roles": roles, "secrets": [digest, *earlier]}
        return json.dumps(callers, indent=2)

    def _definitions(self) -> str:
        definitions = json.loads((HERE / "rabbitmq" / "definitions.json").read_text("utf-8"))
        for user in definitions["users"]:
            user["password_hash"] = rabbitmq_hash(self._read(f"rabbitmq_password_{user['name']}"))
        return json.dumps(definitions, indent=2)

    def _users(self) -> str:
        rules = (HERE / "redis" / "users.acl").read_text("utf-8")
        for user in REDIS_USERS:
            digest = hashlib.sha256(self._read(f"redis_password_{user}").encode()).hexdigest()
            rules = rules.replace(f"#<{user}>", f"#{digest}")
        # Redis knows no comments and no continued lines in this file.
        lines = rules.replace("\\\n", " ").splitlines()
        return "\n".join(" ".join(line.split()) for line in lines if line.strip() and not line.startswith("#"))

    def _kept(self, name: str, make: Callable[[], str]) -> str:
        file = self._folder / name
        if not file.exists() or not file.stat().st_size:
            self._write(name, make())
            self._made.append(name)
        return self._read(name)

    def _read(self, name: str) -> str:
        return (self._folder / name).read_text("utf-8").strip()

    def _write(self, name: str, text: str) -> None:
        """Write in place, because a mounted file is followed by its inode; and no newline: not everybody strips it."""
        file = self._folder / name
        file.write_text(text, "utf-8")
        file.chmod(0o644)


def hexadecimal() -> str:
    """Return a password that needs no quoting in a URL."""
    return secrets.token_hex(PASSWORD_BYTES)


def of_all_kinds() -> str:
    """Return a password with lower and upper case, digits and symbols, as SigNoz asks for."""
    letters = [secrets.choice(kind) for kind in KINDS for _ in range(PASSWORD_BYTES // len(KINDS))]
    secrets.SystemRandom().shuffle(letters)
    return "".join(letters)


def rabbitmq_hash(password: str) -> str:
    """Return *password* as RabbitMQ keeps it; salted by itself, which 192 random bits allow: it stays the same."""
    salt = hashlib.sha256(b"salt" + password.encode()).digest()[:4]
    return base64.b64encode(salt + hashlib.sha256(salt + password.encode()).digest()).decode()


if __name__ == "__main__":
    sys.exit(main())
