"""Backends that are replaced: rolled, given other rules, upgraded; and a mall of which only a backup is left."""

import shutil
from functools import partial
from pathlib import Path
from random import Random
from typing import Final

from parkstream_devtools import failing
from parkstream_devtools.faults import Fault

from chaos.broken import BrokenPromiseError
from chaos.kinds.kind import Drawn, Kind
from chaos.kinds.operations import finished
from chaos.mall import RULES, Mall
from chaos.verdict import wait_until

LATENESS_SECONDS: Final = (0.1, 0.8)
WINDOW_SECONDS: Final = (0.4, 1.0)
NEWER: Final = {"PYTHONPATH": str(Path(__file__).parents[2] / "tests" / "support" / "newer_version")}
"""What makes a process the next version: of the rules, and of all functions in Redis."""


class Replaced(Fault):
    """Every backend is ended and started with *environ*, the one after the other."""

    kind = "replaced"

    def __init__(self, mall: Mall, environ: dict[str, str]) -> None:
        self._mall = mall
        self._environ = environ

    def inject(self) -> None:
        """See ``Fault.inject``."""
        self._replace(0)
        wait_until(lambda: _unready(self._mall, 0), "the first is ready")

    def heal(self) -> None:
        """See ``Fault.heal``."""
        for number in range(1, len(self._mall.backends)):
            self._replace(number)

    def _replace(self, number: int) -> None:
        end(self._mall, number)
        self._mall.backends[number] = self._mall.start_backend(number, self._environ)


class Upgraded(Replaced):
    """Backends of the next version come beside those of this one, and are switched to."""

    kind = "upgraded"

    def inject(self) -> None:
        """See ``Fault.inject``."""
        self._mall.version = self._environ
        finished(self._mall, "functions", "load")
        self._replace(0)
        wait_until(lambda: _unready_but(self._mall, 0, "state"), "the newer one stands by")

    def heal(self) -> None:
        """See ``Fault.heal``."""
        wait_until(partial(finished, self._mall, "replay", "--switch"), "the newer version is live")
        super().heal()


class UpgradedBack(Fault):
    """A backend of the other version comes beside those of this one and is switched to, and all of it is taken back."""

    kind = "upgraded-back"

    def __init__(self, mall: Mall) -> None:
        self._mall = mall
        self._this, self._other = mall.version, {} if mall.version else NEWER

    def inject(self) -> None:
        """See ``Fault.inject``: the other version is live."""
        mall = self._mall
        mall.version = self._other
        finished(mall, "functions", "load")
        end(mall, 0)
        mall.backends[0] = mall.start_backend(0)
        wait_until(lambda: _unready_but(mall, 0, "state"), "the other version stands by")
        wait_until(partial(finished, mall, "replay", "--switch"), "the other version is live")
        wait_until(lambda: _unready(mall, 0), "the other version is ready")

    def heal(self) -> None:
        """See ``Fault.heal``."""
        mall = self._mall
        mall.version = self._this
        wait_until(partial(finished, mall, "replay", "--rollback"), "this version is live again")
        end(mall, 0)
        mall.backends[0] = mall.start_backend(0)


class Restored(Fault):
    """With the backends stopped a backup is taken, then all but RabbitMQ is lost; what was in the backup comes back."""

    kind = "restored"

    def __init__(self, mall: Mall, backup: Path) -> None:
        self._mall = mall
        self._backup = backup

    def inject(self) -> None:
        """See ``Fault.inject``."""
        mall = self._mall
        for number in range(len(mall.backends)):
            end(mall, number)
        finished(mall, "backup", str(self._backup))
        mall.api.kill()
        mall.redis.lose()
        shutil.rmtree(mall.environ["PARKSTREAM_ARCHIVE_DIR"], ignore_errors=True)
        for lost in mall.summary_file.parent.glob(f"{mall.summary_file.name}*"):
            lost.unlink()

    def heal(self) -> None:
        """See ``Fault.heal``: what the runbook has."""
        mall = self._mall
        if mall.redis.alive:
            return
        finished(mall, "restore", str(self._backup))
        mall.redis.start()
        for service in mall.services:
            service.restart()


def end(mall: Mall, number: int) -> None:
    """End a backend in good order; raise ``BrokenPromiseError`` when it does not."""
    if code := mall.backends[number].terminate():
        message = f"{mall.backends[number].name} ended with code {code} at SIGTERM"
        raise BrokenPromiseError(message)


def _unready(mall: Mall, number: int) -> str:
    return str(failing(mall.backends[number].url) or "")


def _unready_but(mall: Mall, number: int, check: str) -> str:
    """Return nothing once a backend fails *check*: it is not ready, as it is meant to be."""
    return "" if check in (found := failing(mall.backends[number].url)) else f"it fails {found}"


def _rules(mall: Mall, random: Random) -> Drawn:
    rules = {
        "PARKSTREAM_ALLOWED_LATENESS_SECONDS": f"{random.uniform(*LATENESS_SECONDS):.2f}",
        "PARKSTREAM_DUPLICATE_WINDOW_SECONDS": f"{random.uniform(*WINDOW_SECONDS):.2f}",
    }
    hits = ", ".join(f"{name.removeprefix('PARKSTREAM_')}={value}" for name, value in rules.items())
    return Drawn(Replaced(mall, RULES | rules), hits)


REPLACEMENTS = [
    Kind(name="rules-changed", draw=_rules),
    Kind(name="backends-rolled", draw=lambda mall, _: Drawn(Replaced(mall, {}), "both backends")),
    Kind(name="upgraded", draw=lambda mall, _: Drawn(Upgraded(mall, NEWER), "both backends")),
    Kind(name="upgraded-back", draw=lambda mall, _: Drawn(UpgradedBack(mall), "one of both backends")),
    Kind(name="all-lost-but-a-backup", draw=lambda mall, _: Drawn(Restored(mall, mall.scratch() / "backup"), "all")),
]
