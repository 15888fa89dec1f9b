"""What operators do while cars pass: archive, restore, rebuild, switch, back up."""

import time
from collections.abc import Callable, Sequence
from functools import partial
from random import Random
from typing import Final

import msgspec
from parkstream_devtools.faults import Fault

from chaos.broken import BrokenPromiseError
from chaos.kinds.kind import Drawn, Kind
from chaos.mall import Mall
from chaos.verdict import wait_until

KEPT_RECORDS: Final = (20, 400)
KILLED_SECONDS: Final = (0.3, 2.0)
NOT_YET: Final = "let it catch up"
"""What a command refuses while the projection lags behind."""


class Done(Fault):
    """A command, after those that come *first*; *killed_after_seconds*: it is killed then, and run again to heal."""

    kind = "done"

    def __init__(
        self, mall: Mall, command: Sequence[str], first: Sequence[Sequence[str]], killed_after_seconds: float | None
    ) -> None:
        self._mall = mall
        self._command = command
        self._first = first
        self._killed_after_seconds = killed_after_seconds

    def inject(self) -> None:
        """See ``Fault.inject``."""
        if "log" in self._command:
            _drop_old_versions(self._mall)
        for words in self._first:
            self._finish(words)
        if self._killed_after_seconds is None:
            return
        with self._mall.start_command(*self._command) as command:
            time.sleep(self._killed_after_seconds)  # Wherever it is by then.
            command.kill()

    def heal(self) -> None:
        """See ``Fault.heal``; raises ``BrokenPromiseError`` when one fails."""
        self._finish(self._command)

    def _finish(self, words: Sequence[str]) -> None:
        wait_until(partial(finished, self._mall, *words), " ".join(words))


class Rebuilt(Fault):
    """Another version of the projection is built beside the live one, and deleted again."""

    kind = "rebuilt"

    def __init__(self, mall: Mall) -> None:
        self._mall = mall
        self._version = 0

    def inject(self) -> None:
        """See ``Fault.inject``."""
        done = self._mall.run("replay", "--json")
        if done.returncode:
            raise BrokenPromiseError(done.stderr)
        self._version = msgspec.json.decode(done.stdout)["version"]

    def heal(self) -> None:
        """See ``Fault.heal``."""
        if done := finished(self._mall, "replay", "--drop", str(self._version)):
            raise BrokenPromiseError(done)


def _drop_old_versions(mall: Mall) -> None:
    """Delete the versions that a switch has left: nobody projects them, so nothing is archived beyond them."""
    listed = msgspec.json.decode(mall.run("replay", "--list", "--json").stdout)["versions"]
    for version in listed:
        if not version["live"]:
            finished(mall, "replay", "--drop", str(version["number"]))


def finished(mall: Mall, *words: str) -> str:
    """Run a command; return why it must be run again, nothing when it is done; raise ``BrokenPromiseError``."""
    done = mall.run(*words)
    if done.returncode and NOT_YET not in done.stderr:
        message = f"parkstream {' '.join(words)}: exit {done.returncode}: {done.stderr}{done.stdout}"
        raise BrokenPromiseError(message)
    return done.stderr if done.returncode else ""


Words = Callable[[Mall, Random], Sequence[str]]


def _done(name: str, words: Words, *first: Words, killed: bool = False) -> Kind:
    def draw(mall: Mall, random: Random) -> Drawn:
        after = random.uniform(*KILLED_SECONDS) if killed else None
        command = words(mall, random)
        named = " ".join(word for word in command if not word.startswith("/"))
        before = [one(mall, random) for one in first]
        return Drawn(Done(mall, command, before, after), f"parkstream {named}")

    return Kind(name=name, draw=draw)


def _archive(_: Mall, random: Random) -> Sequence[str]:
    return "log", "archive", "--keep", str(random.randint(*KEPT_RECORDS))


def _restore(_mall: Mall, _: Random) -> Sequence[str]:
    return "log", "restore"


def _switch(_mall: Mall, _: Random) -> Sequence[str]:
    return "replay", "--switch"


def _backup(mall: Mall, _: Random) -> Sequence[str]:
    return "backup", str(mall.scratch() / "backup")


OPERATIONS = [
    _done("archived", _archive),
    _done("archive-killed", _archive, killed=True),
    _done("archive-restored", _restore, _archive),
    _done("restore-killed", _restore, _archive, killed=True),
    _done("switched", _switch),
    _done("switch-killed", _switch, killed=True),
    _done("backed-up", _backup),
    _done("backup-killed", _backup, killed=True),
    Kind(name="rebuilt", draw=lambda mall, _: Drawn(Rebuilt(mall), "the projection")),
]
