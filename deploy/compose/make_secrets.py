#!/usr/bin/env python3
"""Makes the passwords and keys of a deployment, once; ``./dev secrets`` runs it, and so can a bare Python 3.9.

What exists is never overwritten. Where they are is noted in .env, without which the compose files name this command.
What is derived from passwords (URLs, RabbitMQ's definitions, Redis' users) is written anew each time, so that rights
follow an upgrade. The folder is for its owner only; the files in it may be read by whoever gets in, because containers
that they are mounted into run as somebody else.

With ``--malls`` those of compose.cluster.yaml: a folder for each mall, whose users reach only what is that mall's, and
one named ``cluster`` of what the servers share.
"""

import argparse
import base64
import hashlib
import json
import os
import re
import secrets
import stat
import string
import sys
from collections.abc import Callable
from pathlib import Path

HERE = Path(__file__).resolve().parent
RIGHTS = HERE.parents[1] / "libs/operations/src/parkstream_operations/cells"  # who may do what
FOLDER = HERE / ".secrets"
ENV = HERE / ".env"
VARIABLE = "PARKSTREAM_SECRETS"
RABBITMQ_USERS = ("admin", "backend", "cli", "console", "entry_generator", "exit_generator")
OF_A_MALL = ("backend", "cli", "console", "entry_generator", "exit_generator", "summary_api")
OF_SERVERS = ("collector", "loader", "replica", "sentinel")
"""Users of Redis: where several malls share it, each has its own of the first."""
CALLERS = {
    "operator": ("api_token", ["metrics", "operate", "visits:read"]),
    "backend": ("api_token_backend", ["summaries:write"]),
    "cli": ("api_token_cli", ["operate", "visits:read"]),
    "console": ("api_token_console", ["visits:read"]),
    "metrics": ("api_token_metrics", ["metrics"]),
}
"""Who calls the services: the file of each one's credential, and what it may do."""
OF_ALL_MALLS = ("+bgrewriteaof", "+client|pause", "+client|unpause")
"""What a backup does to a whole Redis."""
MALL = re.compile(r"(?!cluster$)[a-z0-9][a-z0-9-]{0,31}")
PASSWORD_BYTES = 24
OTHERS_WRITE = 0o022
NEXT = """\
next: docker compose -f deploy/compose/compose.lite.yaml up --wait    (about 1.4 GB)
  or: docker compose -f deploy/compose/compose.yaml up --wait         (with SigNoz, about 6 GB)
"""
NEXT_CLUSTER = "next: docker compose -f deploy/compose/compose.cluster.yaml up --wait    (about 2.5 GB)\n"
KINDS = string.ascii_lowercase, string.ascii_uppercase, string.digits, "-_.+"


def main() -> int:
    """Make what is missing; return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    named = os.environ.get(VARIABLE)
    where = "where they are kept (default: $PARKSTREAM_SECRETS, or .secrets here)"
    parser.add_argument("--folder", type=Path, default=HERE / named if named else None, help=where)
    parser.add_argument("--malls", nargs="+", metavar="MALL", help="for compose.cluster.yaml: each mall's own")
    options = parser.parse_args()
    malls: list[str] = options.malls or []
    if odd := [mall for mall in malls if not MALL.fullmatch(mall) or malls.count(mall) > 1]:
        parser.error(f"a mall is named once, by lower-case letters, digits and -, and not cluster: {odd[0]}")
    chosen: Path | None = options.folder
    folder = chosen or FOLDER
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        of_malls = [folder / name for name in ("cluster", *malls) if malls and (folder / name).is_dir()]
        for one in (folder, *of_malls):
            if problem := doubt(one):
                sys.stderr.write(f"error: {problem}\n")
                return 2
        folder.chmod(0o700)
        made = made_for_all(folder, malls) if malls else Secrets(folder).all()
    except OSError as error:
        sys.stderr.write(f"error: {error.filename}: {error.strerror}\n")
        return 1
    sys.stdout.write(f"{folder}: {f'made {len(made)}: ' + ', '.join(made) if made else 'nothing was missing'}\n")
    if chosen is None:
        note(ENV, f"{VARIABLE}={folder.name}")
    elif not named:
        sys.stdout.write(f"set {VARIABLE}={folder.absolute()}, in the environment or in {ENV}\n")
    sys.stdout.write(NEXT_CLUSTER if malls else NEXT)
    return 0


def made_for_all(folder: Path, malls: "list[str]") -> "list[str]":
    """Make what *malls* and the servers that they share need, and return the names of what was made."""
    from cluster_secrets import Cluster  # noqa: PLC0415 - this file alone is enough for a single mall

    return Cluster(folder, malls).all()


def doubt(folder: Path) -> str:
    """Say why what is in *folder* may be somebody else's; nothing when there is no reason to think so."""
    for path in (folder, *sorted(folder.iterdir())):
        found = path.stat() if path == folder else path.lstat()
        if not stat.S_ISREG(found.st_mode) and not stat.S_ISDIR(found.st_mode):
            return f"{path} is no file: remove it, and run this again"
        if found.st_uid not in {os.geteuid(), HERE.stat().st_uid}:
            return f"{path} belongs to somebody else: look at it, and remove it or make it yours"
        if found.st_mode & OTHERS_WRITE:
            return f"others may write {path}: see that all in it is yours, then chmod go-w {path}"
    return ""


def note(file: Path, line: str) -> None:
    """Add *line* to *file*, which is the user's, unless its variable is there."""
    text = file.read_text("utf-8") if file.exists() else ""
    if not any(one.startswith(line.partition("=")[0] + "=") for one in text.splitlines()):
        file.write_text(text + ("" if text.endswith("\n") or not text else "\n") + line + "\n", "utf-8")


class Files:
    """The files in *folder*, which are written where there are none."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder = folder
        self.name = folder.name
        self.made: list[str] = []

    def kept(self, name: str, make: Callable[[], str]) -> str:
        """Return what *name* holds, which *make* says when nothing does yet."""
        file = self._folder / name
        if not file.exists() or not file.stat().st_size:
            self.write(name, make())
            self.made.append(name)
        return self.read(name)

    def read(self, name: str) -> str:
        """Return what *name* holds."""
        return (self._folder / name).read_text("utf-8").strip()

    def digest(self, name: str) -> str:
        """Return the SHA-256 of what *name* holds, in hexadecimal."""
        return hashlib.sha256(self.read(name).encode()).hexdigest()

    def write(self, name: str, text: str) -> None:
        """Write in place, because a mounted file is followed by its inode; and no newline: not everybody strips it."""
        file = self._folder / name
        file.write_text(text, "utf-8")
        file.chmod(0o644)


class Secrets(Files):
    """Those of one mall; *mall* is its name where several share the servers, which are at *rabbitmq* and *redis*."""

    def __init__(
        self, folder: Path, mall: str = "", rabbitmq: str = "rabbitmq:5672", redis: str = "redis://{}@redis:6379"
    ) -> None:
        super().__init__(folder)
        self._prefix, self._vhost = f"{mall}." if mall else "", mall or "/"
        self._redis_users = OF_A_MALL if mall else (*OF_A_MALL, *OF_SERVERS)
        self._rabbitmq, self._redis = rabbitmq, redis

    def all(self) -> list[str]:
        """Make what is missing, derive the rest, and return the names of what was made."""
        for name in ("plate_hash_key", "session_key_console", *(file for file, _ in CALLERS.values())):
            self.kept(name, hexadecimal)
        self.kept("people.json", lambda: "{}")
        self.write("credentials.json", self._callers())
        if not self._prefix:
            self.kept("signoz_jwt_secret", hexadecimal)
            self.kept("signoz_root_password", of_all_kinds)
        for user in RABBITMQ_USERS:
            password = self.kept(f"rabbitmq_password_{user}", hexadecimal)
            login = f"{self._prefix}{user}:{password}"
            self.write(f"rabbitmq_url_{user}", f"amqp://{login}@{self._rabbitmq}/{self._vhost.strip('/')}")
        for user in self._redis_users:
            password = self.kept(f"redis_password_{user}", hexadecimal)
            self.write(f"redis_url_{user}", self._redis.format(f"{self._prefix}{user}:{password}"))
        self.write("rabbitmq_definitions.json", self._definitions())
        self.write("redis_users.acl", self._users())
        return self.made

    def _callers(self) -> str:
        """Return the callers with hashes of their credentials; one that was changed stays valid until the next run."""
        before = self._callers_before()
        callers = {}
        for name, (secret, roles) in CALLERS.items():
            digest = f"sha256:{self.digest(secret)}"
            earlier = [one for one in before.get(name, []) if one != digest]
            callers[name] = {"roles": roles, "secrets": [digest, *earlier]}
        return json.dumps(callers, indent=2)

    def _callers_before(self) -> "dict[str, list[str]]":
        """Return the newest hash of each caller as it was; nothing of a broken file, which is made of the others."""
        file = self._folder / "credentials.json"
        try:
            return {name: one["secrets"][:1] for name, one in json.loads(file.read_text("utf-8")).items()}
        except (FileNotFoundError, ValueError, AttributeError, KeyError, TypeError):
            return {}

    def _definitions(self) -> str:
        definitions = json.loads((RIGHTS / "definitions.json").read_text("utf-8"))
        for user in definitions["users"]:
            user["password_hash"] = rabbitmq_hash(self.read(f"rabbitmq_password_{user['name']}"))
            user["name"] = self._prefix + user["name"]
        for one in (one for kind in definitions if kind not in {"users", "vhosts"} for one in definitions[kind]):
            one["vhost"] = self._vhost
            if "user" in one:
                one["user"] = self._prefix + one["user"]
        definitions["vhosts"] = [{"name": self._vhost}]
        return json.dumps(definitions, indent=2)

    def _users(self) -> str:
        lines = acl_lines()
        for user in self._redis_users:
            line = lines[user].replace(f"#<{user}>", f"#{self.digest(f'redis_password_{user}')}")
            lines[user] = self._of_mall(line, user) if self._prefix else line
        return "\n".join(lines[user] for user in (self._redis_users if self._prefix else lines))

    def _of_mall(self, line: str, user: str) -> str:
        """Return *line* for *user* of this mall only; what is done to a whole Redis is none of it."""
        words = [word for word in line.split() if word not in OF_ALL_MALLS]
        words[1] = self._prefix + user
        return " ".join(f"{word[:-1]}{{{self._vhost}}}:*" if word.startswith("~") else word for word in words)


def acl_lines() -> "dict[str, str]":
    """Return the users of Redis, each with its rules in one line: Redis knows no comments there."""
    text = (RIGHTS / "users.acl").read_text("utf-8").replace("\\\n", " ")
    lines = (" ".join(line.split()) for line in text.splitlines() if line.strip() and not line.startswith("#"))
    return {line.split()[1]: line for line in lines}


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
