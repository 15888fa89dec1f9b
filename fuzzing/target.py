"""What is fuzzed: a decoder, inputs that it takes, and what must hold whatever comes."""

from collections.abc import Callable
from hashlib import blake2b
from pathlib import Path
from random import Random

from msgspec import Struct

KIB = 1024
MIB = 1024 * KIB


class BrokenPromiseError(AssertionError):
    """What must hold of every input does not hold of this one."""


def promise(holds: object, what: str) -> None:
    """Raise ``BrokenPromiseError`` unless *what* was promised *holds*."""
    if not holds:
        raise BrokenPromiseError(what)


def _as_it_is(_: Random, data: bytes) -> bytes:
    return data


def _never(_: bytes) -> bool:
    return False


class Target(Struct, frozen=True, kw_only=True):
    """A decoder. ``check`` returns whether it takes an input; what it raises is a failure: refusing is an answer."""

    name: str
    about: str
    samples: tuple[bytes, ...]
    """Inputs that it takes."""
    check: Callable[[bytes], bool]
    weight: float = 1.0
    """Its share of all inputs, beside those of the others."""
    finish: Callable[[Random, bytes], bytes] = _as_it_is
    """Makes the input of what was mutated: compresses it, sets its checksum right."""
    metered: Callable[[bytes], bool] = _never
    """Which inputs are metered, beside every hundredth: those that may be much larger inside."""
    calls_max: int = 20_000
    calls_per_byte: int = 30
    bytes_max: int = 4 * MIB
    """What an input may cost; bytes beside 40 times its own size."""


class Failure(Struct, frozen=True, kw_only=True):
    """An *input* for which something was raised that must not be."""

    target: str
    error: str
    where: str
    input: bytes

    @property
    def kind(self) -> tuple[str, str]:
        """What tells one defect from another: the error's type, and the line that raised it."""
        return self.error.partition(":")[0], self.where

    def saved(self, folder: Path) -> Path:
        """Write the input to a file of its own in *folder*; return which."""
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{self.target}-{blake2b(self.input, digest_size=6).hexdigest()}.bin"
        path.write_bytes(self.input)
        return path
