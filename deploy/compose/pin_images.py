#!/usr/bin/env python3
"""Writes the digests that the containers' images have now into images.env; ``./dev images`` runs it.

A tag may mean another image tomorrow, a digest never does. It asks each image's registry, or ``--registry``, a mirror
of all of them, for the tag's manifest, and computes the digest of what it gets. A bare Python 3.9 can run it. Then:
docker compose --env-file deploy/compose/images.env --env-file deploy/compose/.env -f … up
"""

import argparse
import hashlib
import json
import os
import re
import sys
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

HERE = Path(__file__).resolve().parent
FILE = HERE / "images.env"
IMAGE = re.compile(r"\$\{(PARKSTREAM_[A-Z_]+_IMAGE):-([^}]+)\}")
CHALLENGE = re.compile(r'(\w+)="([^"]*)"')
MANIFESTS = ", ".join(
    f"application/vnd.{kind}+json"
    for kind in (
        "oci.image.index.v1",
        "docker.distribution.manifest.list.v2",
        "oci.image.manifest.v1",
        "docker.distribution.manifest.v2",
    )
)
DOCKER_HUB = "registry-1.docker.io"
MANIFEST_BYTES_MAX = 4 * 1024 * 1024
TIMEOUT_SECONDS = 30
UNAUTHORIZED = 401
HEAD = "# Made by ./dev images: what each image was then. Run it again to take newer ones, and read what changed.\n"


class DigestError(Exception):
    """An image whose digest is not known: *problem* with *where*."""

    def __init__(self, where: object, problem: str) -> None:
        super().__init__(f"{where} {problem}")


def main() -> int:
    """Pin all images, or none; return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--registry", help="ask this one, such as http://localhost:5000, for all images")
    parser.add_argument("--file", type=Path, default=FILE, help="what is written (default: %(default)s)")
    chosen = parser.parse_args()
    lines = []
    for variable, image in images().items():
        try:
            digest = digest_of(image, chosen.registry)
        except (DigestError, OSError, ValueError) as error:
            sys.stderr.write(f"error: {image}: {error}; {chosen.file} stays as it was\n")
            return 1
        lines.append(f"{variable}={image}@{digest}\n")
        sys.stdout.write(lines[-1])
    made = chosen.file.with_suffix(".new")
    if os.path.lexists(made):
        made.unlink()  # Never through a link.
    with made.open("x", encoding="utf-8") as file:
        file.write(HEAD + "".join(lines))
    made.replace(chosen.file)
    return 0


def images() -> "dict[str, str]":
    """Return the images of others that the compose files name, by the variable that may name another."""
    text = "".join((HERE / name).read_text("utf-8") for name in ("compose.yaml", "signoz.yaml"))
    return dict(sorted(IMAGE.findall(text)))


def digest_of(image: str, registry: "str | None" = None) -> str:
    """Return the digest of the manifest that the tag of *image* stands for."""
    host, path, tag = parts_of(image)
    url = f"{registry or 'https://' + host}/v2/{path}/manifests/{tag}"
    if urllib.parse.urlsplit(url).scheme not in {"http", "https"}:
        raise DigestError(registry, "is no address of a registry")
    try:
        content, named = fetched(url, {})
    except urllib.error.HTTPError as error:
        if error.code != UNAUTHORIZED:
            raise DigestError(url, f"answers {error.code}") from error
        content, named = fetched(url, {"Authorization": f"Bearer {token_for(error.headers['WWW-Authenticate'] or '')}"})
    digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
    if named not in {None, digest}:
        raise DigestError(url, f"says {named}, but what it sent is {digest}")
    return digest


def parts_of(image: str) -> "tuple[str, str, str]":
    """Return the registry, the path there and the tag of *image*, as Docker reads its name."""
    name, _, tag = image.rpartition(":")
    first, slash, rest = name.partition("/")
    if slash and ("." in first or ":" in first):
        return first, rest, tag
    return DOCKER_HUB, name if slash else f"library/{name}", tag


def fetched(url: str, headers: "dict[str, str]") -> "tuple[bytes, str | None]":
    """Return what *url* sends, and the digest that it says this has."""
    asked = urllib.request.Request(url, headers={"Accept": MANIFESTS, **headers})  # noqa: S310 - checked
    with urllib.request.urlopen(asked, timeout=TIMEOUT_SECONDS) as answer:  # noqa: S310 - checked
        content = answer.read(MANIFEST_BYTES_MAX + 1)
        if len(content) > MANIFEST_BYTES_MAX:
            raise DigestError(url, "sends more than a manifest")
        return content, answer.headers.get("Docker-Content-Digest")


def token_for(challenge: str) -> str:
    """Return a token that lets anybody read what *challenge* is about."""
    words = dict(CHALLENGE.findall(challenge))
    realm = words.pop("realm", "")
    if urllib.parse.urlsplit(realm).scheme not in {"http", "https"}:
        raise DigestError(challenge, "wants a login")
    content, _ = fetched(f"{realm}?{urllib.parse.urlencode(words)}", {})
    found = json.loads(content)
    return str(found.get("token") or found["access_token"])


if __name__ == "__main__":
    sys.exit(main())
