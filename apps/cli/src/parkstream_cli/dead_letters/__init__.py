"""``parkstream dead-letters``: what was refused, why, and once more the ordinary way."""

from typing import Final

HELP: Final = "Refused messages: why, what they say, and once more the ordinary way."
