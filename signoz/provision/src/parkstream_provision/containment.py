"""What drift is: something that we posted is no longer contained in what SigNoz has.

SigNoz fills in defaults, so that equality would never hold; and it leaves out what is empty.
"""

from collections.abc import Iterator
from typing import Any, Final

from parkstream_provision.shapes import Json, entries, fields

MASKED: Final = "<secret>"
"""What an API shows instead of a secret: it cannot be compared."""
SHOWN_MAX: Final = 60


def differences(wanted: object, found: object, at: str = "it") -> list[str]:
    """Return where *found* does not contain *wanted*, each in a few words."""
    return list(_differing(wanted, found, at))


def _differing(wanted: object, found: object, at: str) -> Iterator[str]:
    shapes = type(wanted), type(found)
    if shapes == (dict, dict):
        yield from _in_object(fields(wanted), fields(found), at)
    elif shapes == (list, list):
        yield from _in_list(entries(wanted), entries(found), at)
    elif _differs(wanted, found):
        # The address of a webhook is a secret by itself.
        yield f"{at} is another" if at.endswith("url") else f"{at} is {_short(found)} instead of {_short(wanted)}"


def _in_object(wanted: Json, found: Json, at: str) -> Iterator[str]:
    for key, value in wanted.items():
        if key in found:
            yield from _differing(value, found[key], f"{at}.{key}")
        elif value:
            yield f"{at}.{key} is missing"


def _in_list(wanted: list[Any], found: list[Any], at: str) -> Iterator[str]:
    if len(wanted) != len(found):
        yield f"{at} has {len(found)} entries instead of {len(wanted)}"
        return
    for number, (one, other) in enumerate(zip(wanted, found, strict=True)):
        yield from _differing(one, other, f"{at}[{number}]")


def _differs(wanted: object, found: object) -> bool:
    if found == MASKED or not (wanted or found):
        return False
    return wanted != found or isinstance(wanted, bool) != isinstance(found, bool)


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= SHOWN_MAX else f"{text[: SHOWN_MAX - 3]}..."
