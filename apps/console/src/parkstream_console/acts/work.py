"""What an operator can do, and what a look says would come of it."""

from collections.abc import Callable
from typing import Protocol

from msgspec import Struct
from parkstream_projection.opened import Opened

Reached = Callable[[int, int], None]
"""Is called with how much is done, and of how much."""


class Preview(Struct, frozen=True, kw_only=True):
    """What would be done: to *count* things, of which *about* names those that the record names."""

    says: str
    count: int
    about: list[str] = []
    notes: list[str] = []


class ImpossibleError(Exception):
    """It cannot be done, and the text says what to do."""


class Work(Protocol):
    """One thing that can be done."""

    @property
    def key(self) -> tuple[str, str]:
        """Of which kind it is, and to what it is done."""
        ...

    @property
    def title(self) -> str:
        """What it is, as the title of its page."""
        ...

    @property
    def did(self) -> str:
        """What whoever does it did, as it is written to the log."""
        ...

    @property
    def is_slow(self) -> bool:
        """Whether even the look takes a while: it is asked for then."""
        ...

    async def look(self, reached: Reached) -> Preview:
        """Return what would be done; changes nothing that anybody sees."""
        ...

    async def do(self, it: Opened, why: str, reached: Reached) -> str:
        """Do it in *it*, which is opened to write, because of *why*; return what came of it."""
        ...
