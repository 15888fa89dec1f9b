"""Pages that show sessions: what was typed, what came; and how to tell whether it still comes like that.

A block begins with ```console. A line ``$ parkstream …`` is run; what follows, up to the next one, is what it prints,
and ``# exit 1`` behind a command says with what it ends. Times, ids and figures differ; nothing else may.
"""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

BLOCK = re.compile(r"^```console\n(.*?)^```$", re.DOTALL | re.MULTILINE)
COMMAND = re.compile(r"^\$ (.*?)(?:  # exit (\d+))?$")
ASSIGNMENT = re.compile(r"([A-Z_]+)=(.*)")
DIFFERING = re.compile(r"[0-9a-f]{8,}|[\d][\d.,:]*|[-+]?\d+|[█▏▎▍▌▋▊▉▐▕]+|[─━═]+|\b(?:ms|s|min|h|d|kB|MB|KiB|MiB|B)\b")
COLUMNS = 120


class Answer(NamedTuple):
    """What a command printed, on both streams, and its exit code."""

    printed: str
    exit_code: int


class Session(NamedTuple):
    """A command of a page, and what the page says that it prints."""

    command: str
    answer: Answer


def sessions_of(text: str) -> Iterator[Session]:
    """Yield the sessions of a page, in order."""
    for block in BLOCK.findall(text):
        yield from _sessions_in(block)


def _sessions_in(block: str) -> Iterator[Session]:
    command, exit_code, printed = "", 0, list[str]()
    for line in block.splitlines():
        if found := COMMAND.match(line):
            if command:
                yield Session(command, Answer("\n".join(printed), exit_code))
            command, exit_code, printed = found[1], int(found[2] or 0), []
        else:
            printed.append(line)
    if command:
        yield Session(command, Answer("\n".join(printed), exit_code))


def run(command: str, environ: Mapping[str, str], folder: Path) -> Answer:
    """Run ``[NAME=VALUE …] parkstream …`` in *folder* as if it were typed there."""
    words = shlex.split(command)
    own = dict(os.environ) | dict(environ) | {"COLUMNS": str(COLUMNS), "NO_COLOR": "1", "TERM": "dumb"}
    while assignment := ASSIGNMENT.fullmatch(words[0]):
        own[assignment[1]] = assignment[2]
        words = words[1:]
    assert words[0] == "parkstream", command
    done = subprocess.run(
        [sys.executable, "-m", "parkstream_cli", *words[1:]],
        env=own,
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=120,
    )
    return Answer("\n".join(line.rstrip() for line in done.stdout.strip("\n").splitlines()), done.returncode)


def shape_of(printed: str) -> list[str]:
    """Return what may not differ from run to run."""
    return [" ".join(DIFFERING.sub(" ", line).split()) for line in printed.splitlines() if line.strip()]


def rewritten(text: str, answer: Callable[[str], Answer]) -> str:
    """Return the page *text* with what ``answer`` gives for each of its commands."""

    def block(found: re.Match[str]) -> str:
        lines: list[str] = []
        for session in _sessions_in(found[1]):
            given = answer(session.command)
            lines.append(f"$ {session.command}" + (f"  # exit {given.exit_code}" if given.exit_code else ""))
            lines += given.printed.splitlines()
        return "```console\n" + "\n".join(lines) + "\n```"

    return BLOCK.sub(block, text)
