"""What a kind of fault is."""

from collections.abc import Callable, Sequence
from enum import StrEnum
from random import Random

from msgspec import Struct
from parkstream_devtools.faults import Fault

from chaos.mall import Mall


class Need(StrEnum):
    """What not every machine allows."""

    CLOCKS = "libfaketime (Debian: apt-get install faketime)"
    DISK = "the right to mount a file system"


class Drawn(Struct, frozen=True):
    """A fault, and what it hits: what the seed has drawn."""

    fault: Fault
    hits: str


class Kind(Struct, frozen=True, kw_only=True):
    """One thing that goes wrong, or that is done while cars pass."""

    name: str
    draw: Callable[[Mall, Random], Drawn]
    quiet: bool = False
    """It begins at rest: what it throws away, or puts back, must not have been acknowledged meanwhile."""
    alone: bool = False
    """It begins at rest, too, and no other camera sees anything meanwhile."""
    refused_by: tuple[str, ...] = ()
    """It must be refused: one of these checks of every backend fails before it is healed."""
    by_one: bool = False
    """One backend that refuses it is enough."""
    needs: Need | None = None


class Together(Fault):
    """All of *faults* at once."""

    kind = "together"

    def __init__(self, faults: Sequence[Fault]) -> None:
        self._faults = faults

    def inject(self) -> None:
        """See ``Fault.inject``."""
        for one in self._faults:
            one.inject()

    def heal(self) -> None:
        """See ``Fault.heal``."""
        for one in self._faults:
            one.heal()
