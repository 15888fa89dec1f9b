"""Whether a plate can be read in a text, or decoded out of it, however it is written there."""

import re
import unicodedata
from base64 import urlsafe_b64decode
from collections.abc import Iterator
from html import unescape
from typing import Final
from urllib.parse import unquote

from parkstream_events.sightings import plate_characters

UUID: Final = re.compile("[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", re.IGNORECASE)
"""As RFC 9562 writes it: Python takes more for one, such as digits of every script."""
_ASCII_LAYOUT: Final = {code: None for code in range(128) if not chr(code).isalnum()}
_HEX: Final = re.compile("[0-9a-f]{4,}", re.IGNORECASE)
_BASE64: Final = re.compile("(?![0-9]+(?![0-9a-z+/_-]))[0-9a-z+/_-]{4,}", re.IGNORECASE)
"""Digits alone encode no text."""
_URL_SAFE: Final = str.maketrans("+/", "-_")
_ESCAPE: Final = re.compile(r"\\(?:U(000[0-9a-fA-F]{5}|0010[0-9a-fA-F]{4})|u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2}))")


def reveals(id_: str, plate: str) -> bool:
    """Return whether *plate* stands in *id_*: in any layout, case or normal form, or in one of the usual codes."""
    characters = _characters(plate)
    if len(id_) < len(characters) and id_.isascii():
        return False
    if characters in _characters(id_):
        return True
    return any(characters in _characters(decoded) for decoded in _decoded(UUID.sub(" ", id_), len(characters)))


def _characters(text: str) -> str:
    """Return the letters and digits of *text*, apart from the marks that may join them to what stands beside them."""
    if text.isascii():
        return text.translate(_ASCII_LAYOUT).upper()
    apart = unicodedata.normalize("NFD", plate_characters(text))
    return "".join(character for character in apart if not unicodedata.category(character).startswith("M"))


def _decoded(text: str, length_min: int) -> Iterator[str]:
    """Yield what *text* may be the code of, of *length_min* characters or more, wherever in it that begins."""
    if "%" in text:
        yield unquote(text, errors="ignore")
    if "&" in text:
        yield unescape(text)
    if "\\" in text:
        plain = _ESCAPE.sub(lambda found: chr(int(found[found.lastindex or 0], 16)), text)
        yield plain.encode("utf-16", "surrogatepass").decode("utf-16", "ignore")  # Two escapes may be one character.
    for word in _HEX.findall(text):
        if len(word) >= 2 * length_min:
            for begin in range(2):
                yield bytes.fromhex(word[begin : len(word) - (len(word) - begin) % 2]).decode(errors="ignore")
    for word in _BASE64.findall(text):
        if 3 * len(word) >= 4 * length_min:
            yield from (_of_base64(word[begin:].translate(_URL_SAFE)) for begin in range(4))


def _of_base64(word: str) -> str:
    whole = word[:-1] if len(word) % 4 == 1 else word
    return urlsafe_b64decode(whole + "=" * (-len(whole) % 4)).decode(errors="ignore")
