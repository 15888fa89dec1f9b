"""What every fault is: something that goes wrong at ``inject`` and is put right at ``heal``."""

from abc import ABC, abstractmethod
from types import TracebackType
from typing import ClassVar, Self


class Fault(ABC):
    """One thing that goes wrong. As a context manager it is wrong for as long as the block runs."""

    kind: ClassVar[str]
    """Its name in reports and schedules."""

    @abstractmethod
    def inject(self) -> None:
        """Make it go wrong; returns when it has."""

    @abstractmethod
    def heal(self) -> None:
        """Put it right; harmless when nothing is wrong."""

    def __enter__(self) -> Self:
        """Inject it."""
        self.inject()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Heal it, whatever happened meanwhile."""
        self.heal()
