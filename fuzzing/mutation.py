"""Inputs that a decoder takes, made odd: cut, flipped, spliced, and with what decoders stumble over put in."""

import re
from collections.abc import Callable, Sequence
from random import Random
from typing import Final

SIZE_MAX: Final = 256 * 1024
"""More than any of our limits on one message, item or line."""
CHANGES: Final = (1, 1, 1, 2, 2, 3, 4)
"""How many, one as likely as the other."""
NUMBERS: Final = [
    *(b"0", b"-0", b"-1", b"01", b"+1", b"1.5", b"1e3", b"1e400", b"-1e-400", b"NaN", b"Infinity", b"-Infinity"),
    *(str(2**bits + more).encode() for bits in (31, 53, 63, 64) for more in (-1, 0)),
    *(b"9" * digits for digits in (17, 400, 5_000)),
    *(b"253402300800", b"-62135596801", b"true", b"null", b'"1"', b"[]", b"{}"),
]
TEXTS: Final = [
    *(b"", b"\\ud800", b"\\udc00\\ud800", b"\\u0000", b"\\n", b"\\u2028", b"\\", b'"', b"\\x", b"\\u12"),
    *(b"\n", b"\r\n", b"\r", b"\x0b", b"\x0c", b"\x1c", b"\x1d", b"\x1e", b"\x00", b"\x1b[2J", b"\x7f"),
    *(character.encode() for character in "\x85\u2028\u2029\u202e\ufeff\u200bßİ\u0131ﬁ٣\u0966²Ⅻ\U0001f697\U000e0001"),
    *(b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe2\x82", "é".encode("latin-1")),
    *("a\u0301".encode() * 70, b"A" * 300, "\uff21".encode() * 20, b"%00", b"%", b"../../etc/passwd", b"..", b"/"),
]
TIMES: Final = [
    *(b"0001-01-01T00:00:00+23:59", b"9999-12-31T23:59:59-23:59", b"9999-12-31T23:59:60Z", b"2026-02-30T00:00:00Z"),
    *(b"2026-01-31", b"2026-01-31T09:00:00", b"2026-01-31T24:00:00Z", b"1969-12-31T23:59:59.999999999Z"),
]
DEPTHS: Final = (20, 50, 99, 100, 101, 500, 977, 5_000, 60_000)
_NUMBER: Final = re.compile(rb"-?[0-9][0-9.eE+-]*")
_STRING: Final = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
_KEY: Final = re.compile(rb'"[^"\\]*":')
_LINE: Final = re.compile(rb"[^\n]*\n")

Change = Callable[[Random, bytes, Sequence[bytes]], bytes]


def mutated(rng: Random, samples: Sequence[bytes]) -> bytes:
    """Return one of *samples*, changed in one place or several; seldom as it is, or bytes of no meaning."""
    data = rng.choice(samples)
    match rng.random():
        case share if share < 0.02:
            return data
        case share if share < 0.03:
            return rng.randbytes(rng.randrange(200))
    for _ in range(rng.choice(CHANGES)):
        data = rng.choice(_CHANGES)(rng, data, samples)
    return data[:SIZE_MAX]


def _odd(rng: Random) -> bytes:
    if rng.random() < 0.03:
        return _nested(rng)
    return rng.choice(rng.choice((NUMBERS, TEXTS, TIMES)))


def _nested(rng: Random) -> bytes:
    depth = rng.choice(DEPTHS)
    opening, closing = rng.choice(((b"[", b"]"), (b'{"a":', b"}"), (b'[{"a":', b"}]")))
    inner = b"1" if opening != b"[" else b""
    return opening * depth + inner + closing * rng.choice((depth, depth, depth - 1, 0))


def _span(rng: Random, data: bytes, longest: int) -> tuple[int, int]:
    at = rng.randrange(len(data) + 1)
    return at, min(len(data), at + rng.randint(1, longest))


def _flip(rng: Random, data: bytes, _: Sequence[bytes]) -> bytes:
    changed = bytearray(data)
    for _bit in range(rng.randint(1, 4) if data else 0):
        changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def _cut(rng: Random, data: bytes, _: Sequence[bytes]) -> bytes:
    return data[: rng.randrange(len(data) + 1)]


def _drop(rng: Random, data: bytes, _: Sequence[bytes]) -> bytes:
    start, end = _span(rng, data, 40)
    return data[:start] + data[end:]


def _repeat(rng: Random, data: bytes, _: Sequence[bytes]) -> bytes:
    start, end = _span(rng, data, 60)
    times = rng.choice((2, 2, 2, 3, 10, 10, 100, 1_000))
    return data[:start] + data[start:end] * times + data[end:]


def _splice(rng: Random, data: bytes, samples: Sequence[bytes]) -> bytes:
    other = rng.choice(samples)
    return data[: rng.randrange(len(data) + 1)] + other[rng.randrange(len(other) + 1) :]


def _insert(rng: Random, data: bytes, _: Sequence[bytes]) -> bytes:
    at = rng.randrange(len(data) + 1)
    return data[:at] + _odd(rng) + data[at:]


def _overwrite(rng: Random, data: bytes, _: Sequence[bytes]) -> bytes:
    start, end = _span(rng, data, 12)
    return data[:start] + _odd(rng) + data[end:]


def _replace(pattern: re.Pattern[bytes], makes: Callable[[Random, bytes], bytes]) -> Change:
    """Return what replaces one thing of *pattern* by what is made of it."""

    def change(rng: Random, data: bytes, samples: Sequence[bytes]) -> bytes:
        found = list(pattern.finditer(data[:4_096]))
        if not found:
            return _insert(rng, data, samples)
        one = rng.choice(found)
        return data[: one.start()] + makes(rng, one[0]) + data[one.end() :]

    return change


def _odd_string(rng: Random, text: bytes) -> bytes:
    at = rng.randrange(1, len(text))
    odd = rng.choice(rng.choice((TEXTS, TIMES)))
    return rng.choice((text[:at] + odd + text[at:], b'"' + odd + b'"', rng.choice(NUMBERS)))


def _twice(rng: Random, key: bytes) -> bytes:
    value = rng.choice((b"1", b"null", b'"A1"', b"[]", rng.choice(NUMBERS)))
    return rng.choice((key + value + b"," + key, b'"a":' + value + b"," + key, key + b"[" + value + b"]," + key))


_CHANGES: Final[tuple[Change, ...]] = (
    _flip,
    _cut,
    _drop,
    _repeat,
    _splice,
    _insert,
    _overwrite,
    _replace(_NUMBER, lambda rng, _: rng.choice(NUMBERS)),
    _replace(_STRING, _odd_string),
    _replace(_KEY, _twice),
    _replace(_LINE, lambda rng, line: rng.choice((b"", line * 2, line[:-1], _odd(rng) + line))),
)
