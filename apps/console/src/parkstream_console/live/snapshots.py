"""The last look at everything, and a wake-up call for whoever waits for the next one."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Final

from parkstream_console.live.figures import Figures, Look

EVERY_SECONDS: Final = 1.0


class Snapshots:
    """Looks once a second, and keeps the last look only: who is slow misses some, and nobody waits for who is slow."""

    def __init__(self, look: Look) -> None:
        self._look = look
        self._next: asyncio.Future[Figures] | None = None
        self.last: Figures | None = None

    async def run(self) -> None:
        """Look for ever; may be cancelled anywhere."""
        while True:
            self.last = await self._look()
            waited_for, self._next = self._next, None
            if waited_for is not None:
                waited_for.set_result(self.last)
            await asyncio.sleep(EVERY_SECONDS)

    async def now(self) -> Figures:
        """Return the last look; wait for the first."""
        return self.last or await self.next()

    async def next(self) -> Figures:
        """Return the next look."""
        if self._next is None:
            self._next = asyncio.get_running_loop().create_future()
        return await asyncio.shield(self._next)

    async def follow(self) -> AsyncGenerator[Figures, None]:
        """Yield the last look, then each next one that there is time for."""
        yield await self.now()
        while True:
            yield await self.next()
