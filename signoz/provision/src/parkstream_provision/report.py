"""What happened, for a person and for a program."""

from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from parkstream_provision.changes import CHANGES, Done
from parkstream_provision.previews import Finding


class Report(Struct, frozen=True):
    """What was done or would be, and what the previews found; *written* is which of the two."""

    done: list[Done]
    findings: list[Finding] = []
    written: bool = True

    @property
    def failed(self) -> list[Done]:
        """What SigNoz refused."""
        return [one for one in self.done if one.action == "failed"]

    @property
    def changed(self) -> list[Done]:
        """What was, or would be, created, updated or deleted."""
        return [one for one in self.done if one.action in CHANGES]

    @property
    def drift(self) -> list[Done]:
        """What is not as the files say; a rule that waits for its figure is as it should be."""
        return self.failed + [one for one in self.changed if not one.written]

    @property
    def deferred(self) -> frozenset[str]:
        """The rules that wait for their figure."""
        return frozenset(one.name for one in self.done if one.action == "deferred")

    @property
    def faults(self) -> list[Finding]:
        """What the previews found that is no mere note."""
        return [one for one in self.findings if one.level != "note"]

    def as_json(self) -> dict[str, Any]:
        """Return it as one object."""
        return {
            "written": self.written,
            "changed": len(self.changed),
            "failed": len(self.failed),
            "done": self.done,
            "queries": self.findings,
        }

    def lines(self) -> Iterator[str]:
        """Yield it as a person reads it: what is as it should be is only counted."""
        for one in self.done:
            if one.action != "unchanged":
                yield f"{self._verb(one)} {one.kind} {one.name}{f': {one.why}' if one.why else ''}"
        for finding in self.faults:
            query = f", query {finding.query}" if finding.query else ""
            yield f"{finding.level}: {finding.where}{query}: {finding.message}"
        notes = sorted({one.message for one in self.findings if one.level == "note"})
        yield from (f"note: {message}: it is listed, and may be rare" for message in notes)
        unchanged = sum(one.action == "unchanged" for one in self.done)
        yield f"{unchanged} unchanged, {len(self.changed)} {self._changed()}, {len(self.failed)} failed"

    def _verb(self, done: Done) -> str:
        return done.action if done.written or done.action not in CHANGES else f"would be {done.action}:"

    def _changed(self) -> str:
        return "changed" if self.written else "to change"
