"""Number plates, three letters and four digits: one range for cars that enter, another for exits that match nobody.

The first letter says which range, so whatever the seeds are, no unmatched plate ever had an entry. A misread puts a
digit where a letter belongs or the reverse, so it is in neither range, and ``true_plate`` can undo it.
"""

from typing import Final

from parkstream_generators.chance import drawn

_LETTERS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_ENTERING: Final = "ABCDEFGHIJKLMNOPQRSTU"
_STRANGERS: Final = "VWXYZ"
_LETTERS_COUNT: Final = 3
_TAILS: Final = len(_LETTERS) ** 2 * 10_000
_STEP: Final = 48_271_177
"""Shares no divisor with either range, so that every plate comes once before any comes again."""

TO_DIGIT: Final = {"O": "0", "I": "1", "B": "8", "S": "5"}
TO_LETTER: Final = {digit: letter for letter, digit in TO_DIGIT.items()}
_CONFUSED: Final = TO_DIGIT | TO_LETTER


def entering_plate(seed: int, number: int) -> str:
    """Return the plate of the car that enters as *number*; no plate repeats within 141 million."""
    return _plate(_ENTERING, seed, number)


def stranger_plate(seed: int, number: int) -> str:
    """Return the plate of unmatched exit *number*: one that ``entering_plate`` never returns."""
    return _plate(_STRANGERS, seed, number)


def misread_plate(plate: str, seed: int) -> str | None:
    """Return *plate* with one of O/0, I/1, B/8, S/5 mistaken, or ``None`` when it holds none of them."""
    confusable = [index for index, letter in enumerate(plate) if letter in _CONFUSED]
    if not confusable:
        return None
    index = confusable[int(drawn(seed, "misread-at", plate) * len(confusable))]
    return plate[:index] + _CONFUSED[plate[index]] + plate[index + 1 :]


def true_plate(plate: str) -> str:
    """Return the plate that was read as *plate*: letters first, then digits."""
    letters = "".join(TO_LETTER.get(c, c) for c in plate[:_LETTERS_COUNT])
    return letters + "".join(TO_DIGIT.get(c, c) for c in plate[_LETTERS_COUNT:])


def _plate(first_letters: str, seed: int, number: int) -> str:
    index = (seed + number * _STEP) % (len(first_letters) * _TAILS)
    index, digits = divmod(index, 10_000)
    first, rest = divmod(index, len(_LETTERS) ** 2)
    return f"{first_letters[first]}{_LETTERS[rest // 26]}{_LETTERS[rest % 26]}{digits:04}"
