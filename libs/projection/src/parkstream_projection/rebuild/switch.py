"""Another version becomes live, when both are at one checkpoint; a decision restates the visits that differ."""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable
from typing import Final

from parkstream_projection.comparison import Compared, Comparison
from parkstream_projection.differences import restating
from parkstream_projection.rebuild.rebuilder import Rebuilder
from parkstream_projection.store import ProjectionError
from parkstream_projection.versions import Versions

PATIENCE_SECONDS: Final = 60.0
LOOK_SECONDS: Final = 0.002
"""How soon to look again whether the live version has come to rest."""
QUIET_AFTER_SECONDS: Final = 1.0
"""When events come so fast that the versions have not met by then, the backends are asked to leave some in RabbitMQ."""
QUIET_SECONDS: Final = 5.0
"""For how long at once; it ends by itself if this process dies."""


class NeverMetError(ProjectionError):
    """Version *to* and the live one were never at the end of the log together."""

    def __init__(self, to: int, seconds: float) -> None:
        super().__init__(
            f"within {seconds:g} s version {to} and the live one never were at the end of the log together: "
            "see that a backend projects (parkstream doctor), then try again"
        )


class Switch:
    """Compares version *to* with the *live* one while both follow the log, and makes it live."""

    def __init__(  # noqa: PLR0913 - what it brings together
        self,
        versions: Versions,
        comparison: Comparison,
        rebuilder: Rebuilder,
        *,
        live: int,
        to: int,
        patience_seconds: float = PATIENCE_SECONDS,
    ) -> None:
        self._versions = versions
        self._comparison = comparison
        self._rebuilder = rebuilder
        self._live = live
        self._to = to
        self._patience_seconds = patience_seconds
        self._quiet_from = math.inf
        self._asked_for_quiet = False

    async def compare(self) -> Compared:
        """Return how both compare at one checkpoint."""
        compared, _ = await self._meet(self._nothing)
        return compared

    async def switch(self, *, deliver: bool) -> tuple[Compared, bool]:
        """Return how both compared, and whether *to* is live now: differences need *deliver*, and are restated.

        Then both must have folded all of the log, so that nothing comes in between.
        """

        async def try_or_refuse(compared: Compared) -> bool | None:
            if compared.differences and not deliver:
                return False
            return True if await self._try(compared) else None

        return await self._meet(try_or_refuse)

    async def _meet(self, act: Callable[[Compared], Awaitable[bool | None]]) -> tuple[Compared, bool]:
        """Compare at one checkpoint until *act* has an answer, and return both; for that the log may have to rest."""
        began = time.monotonic()
        self._quiet_from = began + QUIET_AFTER_SECONDS
        try:
            while True:
                compared = await self._look()
                if compared is not None and (answer := await act(compared)) is not None:
                    return compared, answer
                await self._pause(began)
        finally:
            if self._asked_for_quiet:
                await self._versions.ask_for_quiet(0)

    async def _nothing(self, _: Compared) -> bool | None:
        return False

    async def _look(self) -> Compared | None:
        await self._rebuilder.catch_up()
        return await self._comparison.at_one_checkpoint()

    async def _try(self, compared: Compared) -> bool:
        if compared.differences and compared.position != compared.checkpoint:
            return False
        decisions = restating(compared.differences, self._to, compared.checkpoint)
        return await self._versions.switch(self._live, self._to, compared.checkpoint, decisions)

    async def _pause(self, began: float) -> None:
        now = time.monotonic()
        if now > began + self._patience_seconds:
            raise NeverMetError(self._to, self._patience_seconds)
        if now > self._quiet_from:
            self._asked_for_quiet = True
            self._quiet_from = now + QUIET_SECONDS / 2
            await self._versions.ask_for_quiet(QUIET_SECONDS)
        await asyncio.sleep(LOOK_SECONDS)
