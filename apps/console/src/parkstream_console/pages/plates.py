"""How plates are written: whole, or masked for those who may only look; and how ids that hold one are linked to."""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import sha256
from typing import Final
from urllib.parse import quote

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from parkstream_events.sightings import plate_characters

SHOWN: Final = 2
HIDDEN: Final = "hidden:"
_LAYOUT: Final = r"[\W_]*"
"""What may stand between the characters of a plate."""


def masked(text: str, plate: str) -> str:
    """Return *text*, in which *plate*, however written, is masked wherever it stands."""
    if not plate or plate not in plate_characters(text):
        return text
    shown = re.sub(_LAYOUT.join(map(re.escape, plate)), mask(plate), text, flags=re.IGNORECASE)
    return mask(text) if plate in plate_characters(shown) else shown


def mask(plate: str) -> str:
    """Return *plate* with all but its last characters hidden."""
    return "•" * max(0, len(plate) - SHOWN) + plate[-SHOWN:] if len(plate) > SHOWN else "•" * len(plate)


class HiddenIds:
    """Ids as they stand in the address of a page for who must not see the plate in them: encrypted, always alike."""

    def __init__(self, secret: str) -> None:
        self._cipher = AESSIV(sha256(secret.encode()).digest())

    def hide(self, id_: str) -> str:
        """Return what stands for *id_*."""
        return HIDDEN + urlsafe_b64encode(self._cipher.encrypt(id_.encode(), None)).decode().rstrip("=")

    def plain(self, id_: str) -> str:
        """Return the id that *id_* stands for, which is itself unless it is hidden; "" for nothing that we made."""
        if not id_.startswith(HIDDEN):
            return id_
        token = id_.removeprefix(HIDDEN)
        try:
            return self._cipher.decrypt(urlsafe_b64decode(token + "=" * (-len(token) % 4)), None).decode()
        except (InvalidTag, ValueError):
            return ""


def path_of(room: str, id_: str) -> str:
    """Return the path of the page of *id_* in *room*."""
    return f"/{room}/{quote(id_, safe=':@')}"
