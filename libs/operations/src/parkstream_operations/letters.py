"""Dead letters by the reason why they were refused: what a look at the first of them shows."""

import asyncio
from collections import Counter
from datetime import datetime
from typing import Final

from msgspec import Struct, field
from parkstream_messaging.dead_letters import DeadLetters, Letter, dead_letters

from parkstream_operations.broker import broker

LOOKED_AT_MAX: Final = 500
"""Others do not see what is looked at meanwhile."""
LOOK_SECONDS_MAX: Final = 15.0


class Refused(Struct, kw_only=True):
    """Those that were refused for one reason, as far as they were looked at."""

    reason: str
    count: int = 0
    queues: Counter[str] = field(default_factory=Counter[str])
    types: Counter[str] = field(default_factory=Counter[str])
    newest_at: datetime | None = None
    detail: str = ""
    """Of the last one; it may quote what came."""

    def take(self, letter: Letter) -> None:
        """Count *letter*."""
        self.count += 1
        self.queues[letter.queue or "unknown"] += 1
        self.types[letter.type or ""] += 1
        self.detail = letter.detail
        if letter.published_at is not None:
            self.newest_at = max(self.newest_at or letter.published_at, letter.published_at)


class ByReason(Struct, frozen=True):
    """How many dead letters there are, and what the first of them are."""

    waiting: int
    looked_at: int
    refused: list[Refused]
    """The most frequent first."""


async def by_reason(url: str, most: int = LOOKED_AT_MAX, *, seconds: float = LOOK_SECONDS_MAX) -> ByReason:
    """Look for up to *seconds* at up to *most* dead letters in the RabbitMQ at *url*; takes none away.

    Raises ``UnreachableError``, and ``MessagingError`` when a look could lose letters.
    """
    async with broker(url) as connection, asyncio.timeout(seconds), dead_letters(connection) as letters:
        return await sorted_by_reason(letters, most)


async def sorted_by_reason(letters: DeadLetters, most: int = LOOKED_AT_MAX) -> ByReason:
    """Look at up to *most* of *letters*."""
    found: dict[str, Refused] = {}
    looked_at = 0
    async for message in letters.first(most).messages(lambda _: None):
        letter = Letter.of(message)
        found.setdefault(letter.reason, Refused(reason=letter.reason)).take(letter)
        looked_at += 1
    return ByReason(letters.waiting, looked_at, sorted(found.values(), key=lambda one: -one.count))
