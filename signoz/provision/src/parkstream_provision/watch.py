"""Looks for drift every ten minutes, and more often while rules wait for their figure."""

import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from threading import Event
from typing import Any, Final

from parkstream_provision.errors import ProvisionError
from parkstream_provision.report import Report

AWAITING_SECONDS: Final = 20.0


class Watch:
    """Whether SigNoz is as it should be; *problem* says why not.

    *look* makes those of the rules it is given that can be made now, and says how everything is.
    """

    def __init__(self, look: Callable[[frozenset[str]], Report], every_seconds: float) -> None:
        self.problem = "not looked yet"
        self.leave = Event()
        self._look = look
        self._every_seconds = every_seconds
        self._awaited: frozenset[str] = frozenset()

    def run(self) -> None:
        """Look again and again until ``leave`` is set."""
        while not self.leave.wait(min(self._every_seconds, AWAITING_SECONDS) if self._awaited else self._every_seconds):
            try:
                self.found(self._look(self._awaited))
            except ProvisionError as error:
                self.failed(error)

    def found(self, report: Report) -> None:
        """Take in what *report* says."""
        made = self._awaited & {one.name for one in report.changed if one.written}
        if made:
            log("provision.added", rules=sorted(made))
        if report.deferred - self._awaited:
            log("provision.deferred", rules=sorted(report.deferred))
        self._awaited = (self._awaited | report.deferred) - made
        drift = [f"{one.kind} {one.name}: {one.why or one.action}" for one in report.drift]
        self._set("; ".join(drift), "drifted", drift=drift)

    def failed(self, error: ProvisionError) -> None:
        """Take in that nobody could look."""
        self._set(str(error), "unchecked", detail=str(error))

    def _set(self, problem: str, event: str, **about: Any) -> None:  # noqa: ANN401 - JSON
        if problem != self.problem:
            log(f"provision.{event}" if problem else "provision.as_wanted", **(about if problem else {}))
        self.problem = problem


def log(event: str, **about: Any) -> None:  # noqa: ANN401 - JSON
    """Write one line of the log."""
    line = {"timestamp": datetime.now(UTC).isoformat(), "event": event, **about}
    sys.stdout.write(json.dumps(line, ensure_ascii=False) + "\n")
    sys.stdout.flush()
