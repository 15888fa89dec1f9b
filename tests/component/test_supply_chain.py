"""What is got from elsewhere is what it was: images by digest, downloads and builds pinned, weaknesses looked up."""

import hashlib
import json
import re
import subprocess
import sys
import threading
import tomllib
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from the_tree import ROOT

COMPOSE = ROOT / "deploy" / "compose"
PIN = [sys.executable, COMPOSE / "pin_images.py"]
MANIFEST = b'{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","name":"%s"}'
OLD = "PARKSTREAM_REDIS_IMAGE=redis:8.2@sha256:old\n"


class Registry(BaseHTTPRequestHandler):
    """As much of the distribution API as is asked: a manifest by tag, for who holds a token that anybody may have."""

    lies = frozenset[str]()

    def do_GET(self):
        path, _, query = self.path.partition("?")
        if path == "/token":
            return self.answer(200, json.dumps({"token": query}).encode())
        name = re.fullmatch(r"/v2/(.+)/manifests/(.+)", path)
        wanted = f"service=here&scope=repository%3A{name[1].replace('/', '%2F')}%3Apull"
        if self.headers["Authorization"] != f"Bearer {wanted}":
            realm = f"http://127.0.0.1:{self.server.server_port}/token"
            scope = f"repository:{name[1]}:pull"
            return self.answer(401, b"", {"WWW-Authenticate": f'Bearer realm="{realm}",service="here",scope="{scope}"'})
        content = MANIFEST % f"{name[1]}:{name[2]}".encode()
        sent = content + b" " if name[1] in self.lies else content
        return self.answer(200, sent, {"Docker-Content-Digest": digest(content)})

    def answer(self, status, content, headers=()):
        self.send_response(status)
        for header in dict(headers).items():
            self.send_header(*header)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        """Say nothing."""


class Weaknesses(BaseHTTPRequestHandler):
    """Knows of nothing."""

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        content = json.dumps({"results": [{} for _ in asked["queries"]]}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        """Say nothing."""


@contextmanager
def serving(handler):
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def digest(content):
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def pinned(registry, file):
    return subprocess.run([*PIN, "--registry", registry, "--file", file], capture_output=True, text=True, check=False)


def named():
    """Return the images that the compose files name."""
    text = "".join(file.read_text() for file in COMPOSE.glob("*.yaml"))
    return dict(re.findall(r"\$\{(PARKSTREAM_\w+_IMAGE):-([^}]+)\}", text))


def test_every_image_is_pinned_by_the_digest_of_what_its_tag_is_now(tmp_path):
    file, elsewhere = tmp_path / "images.env", tmp_path / "elsewhere"
    (tmp_path / "images.new").symlink_to(elsewhere)  # Planted.
    with serving(Registry) as registry:
        done = pinned(registry, file)
    assert done.returncode == 0, done.stderr
    assert not elsewhere.exists()
    lines = dict(line.split("=", 1) for line in file.read_text().splitlines() if not line.startswith("#"))
    assert lines == {name: f"{image}@{digest(MANIFEST % path_of(image).encode())}" for name, image in named().items()}


def path_of(image):
    return image.removeprefix("ghcr.io/") if "/" in image else f"library/{image}"


@pytest.mark.parametrize(("registry", "says"), [(None, "but what it sent is"), ("http://127.0.0.1:1", "refused")])
def test_without_an_answer_that_can_be_believed_the_file_stays(tmp_path, registry, says):
    file = tmp_path / "images.env"
    file.write_text(OLD)
    lying = type("Lying", (Registry,), {"lies": frozenset({"library/redis"})})
    with serving(lying) as lies:
        done = pinned(registry or lies, file)
    assert (done.returncode, file.read_text()) == (1, OLD)
    assert says in done.stderr
    assert "stays as it was" in done.stderr
    assert list(tmp_path.iterdir()) == [file]


def test_what_packages_are_built_with_is_pinned():
    members = [tomllib.loads(file.read_text()) for file in ROOT.glob("*/*/pyproject.toml")]
    asked = {requirement for member in members for requirement in member["build-system"]["requires"]}
    constraints = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["uv"]["build-constraint-dependencies"]
    assert len(members) > 10
    assert all(re.fullmatch(r"[\w-]+==[\d.]+", one) for one in [*asked, *constraints])


def test_what_dev_downloads_has_a_checksum():
    text = (ROOT / "dev").read_text()
    assert not re.search("urlopen|curl|wget", text)
    assert re.findall(r"pip install (.*?);", text) == ["--quiet --require-hashes --only-binary :all: -r .ci/uv.txt"]
    wheel = (ROOT / ".ci" / "pip_wheel.py").read_text()
    assert "if hashlib.sha256(content).hexdigest() != SHA256:\n    sys.exit(" in wheel
    assert (ROOT / ".ci" / "uv.txt").read_text().count("--hash=sha256:") > 10


@pytest.mark.parametrize(
    ("there", "code", "says"), [(True, 0, "Session audit was successful"), (False, 1, "nothing was looked up")]
)
def test_weaknesses_are_looked_up_or_it_is_said_that_they_could_not_be(there, code, says):
    with serving(Weaknesses) as known:
        url = known if there else "http://127.0.0.1:1"
        command = [sys.executable, "-m", "nox", "--session", "audit", "--", "--service-url", url]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, says in done.stderr + done.stdout) == (code, True), done.stderr
