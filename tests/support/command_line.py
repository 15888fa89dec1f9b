"""The ``parkstream`` command, run as a user runs it."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from typing import Any, NamedTuple

from command import of_a_copy

TIMEOUT_SECONDS = 180


class Answer(NamedTuple):
    """What a command left."""

    code: int
    out: str
    err: str

    @property
    def object(self) -> Any:
        """The one JSON object that it printed; it must have ended well."""
        assert self.code == 0, self.err
        return json.loads(self.out)

    @property
    def lines(self) -> list[Any]:
        """The JSON Lines that it printed; it must have ended well."""
        assert self.code == 0, self.err
        return [json.loads(line) for line in self.out.splitlines()]


class CommandLine:
    """Runs commands in *environ*."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = {"PATH": os.environ["PATH"], **of_a_copy(environ), **environ}

    def __call__(self, *words: str) -> Answer:
        """Run ``parkstream`` with *words* to its end."""
        done = subprocess.run(
            self._command(words),
            env=self._environ,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_SECONDS,
            check=False,
        )
        return Answer(done.returncode, done.stdout, done.stderr)

    def start(self, *words: str) -> "subprocess.Popen[str]":
        """Start ``parkstream`` with *words*."""
        return subprocess.Popen(
            self._command(words), env=self._environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def _command(self, words: tuple[str, ...]) -> list[str]:
        return [sys.executable, "-m", "parkstream_cli", *words]
