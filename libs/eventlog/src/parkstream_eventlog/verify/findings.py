"""What a verification finds."""

from collections import Counter
from typing import Final

from msgspec import Struct

LISTED_MAX: Final = 100


class Finding(Struct, frozen=True, omit_defaults=True):
    """One defect: its kind, the position that it is about, what is wrong, and what to do."""

    kind: str
    found: str
    advice: str
    position: int | None = None


class Findings:
    """Defects, of which the first *most* are listed and all are counted; and notes, which are none."""

    def __init__(self, most: int = LISTED_MAX) -> None:
        self._most = most
        self.listed: list[Finding] = []
        self.by_kind: Counter[str] = Counter()
        self.notes: list[str] = []

    @property
    def total(self) -> int:
        """How many there are."""
        return self.by_kind.total()

    def add(self, finding: Finding) -> None:
        """Count *finding*, and list it while there is room."""
        self.by_kind[finding.kind] += 1
        if len(self.listed) < self._most:
            self.listed.append(finding)
