"""Chance that can be repeated: a draw depends on the seed, what it is for, and for whom, not on earlier draws.

So a camera that was killed goes on as if it had not been.
"""

import math
from hashlib import blake2b

_UNIT = 1 / (1 << 53)


def drawn(seed: int, purpose: str, subject: str | int) -> float:
    """Return a uniform number from 0 (included) to 1 (excluded)."""
    return (_bits(seed, purpose, subject) >> 11) * _UNIT


def drawn_normal(seed: int, purpose: str, subject: str | int) -> float:
    """Return a number of the standard normal distribution (Box and Muller)."""
    bits = _bits(seed, purpose, subject)
    radius = math.sqrt(-2.0 * math.log(((bits >> 32) + 1) / (1 << 32)))
    return radius * math.cos(2.0 * math.pi * (bits & 0xFFFFFFFF) / (1 << 32))


def _bits(seed: int, purpose: str, subject: str | int) -> int:
    return int.from_bytes(blake2b(f"{seed}|{purpose}|{subject}".encode(), digest_size=8).digest())
