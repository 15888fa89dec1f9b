"""The command line as a user has it: a process of its own."""

import os
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

import msgspec

PARKSTREAM = [sys.executable, "-m", "parkstream_cli"]


def of_a_copy(environ: Mapping[str, str]) -> dict[str, str]:
    """Return what says that no RabbitMQ knows the log, unless *environ* names one."""
    return {} if "PARKSTREAM_RABBITMQ_URL" in environ else {"PARKSTREAM_COPY": "true"}


class Command:
    """``parkstream`` for one *mall* in the Redis at *url*."""

    def __init__(self, url: str, mall: str, environ: Mapping[str, str] | None = None) -> None:
        more = dict(environ or {})
        own = {"PARKSTREAM_REDIS_URL": url, "PARKSTREAM_MALL": mall}
        self.environ = {**os.environ, **own, **of_a_copy(more), **more}

    def run(self, *words: str, given: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
        """Run it with *words* until it ends."""
        return subprocess.run(
            [*PARKSTREAM, *words], check=False, env=self.environ, input=given, capture_output=True, timeout=240
        )

    def start(self, *words: str) -> subprocess.Popen[bytes]:
        """Run it with *words*, and do not wait."""
        return subprocess.Popen([*PARKSTREAM, *words], env=self.environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def json(self, *words: str, code: int = 0) -> dict[str, Any]:
        """Return the object that it prints; it must leave *code*."""
        ended = self.run(*words, "--json")
        assert ended.returncode == code, ended.stderr.decode() + ended.stdout.decode()
        answer: dict[str, Any] = msgspec.json.decode(ended.stdout)
        return answer
