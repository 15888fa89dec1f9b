"""Cars leave when their stay is over: no longer parked and kept as an intent in one step, then to the publisher."""

import asyncio
import time
from contextlib import suppress
from typing import Final

from parkstream_generators.context import GeneratorContext
from parkstream_generators.intents import Car
from parkstream_generators.matched_share import Matching
from parkstream_generators.parked_cars import ParkedCars

from parkstream_exit_generator.departures import ExitCamera
from parkstream_exit_generator.settings import Settings

BATCH_MAX: Final = 250
LOOK_EVERY_SECONDS: Final = 1.0
FULL_PAUSE_SECONDS: Final = 0.05
TICK_SECONDS: Final = 0.002
"""Cars that leave within this are taken together."""


class ExitBarrier:
    """Lets cars out until its context is stopped. While the buffer is full they stay parked: nobody is dropped."""

    def __init__(self, context: GeneratorContext, parked_cars: ParkedCars, settings: Settings) -> None:
        self._context = context
        self._parked_cars = parked_cars
        self._settings = settings

    async def run(self) -> None:
        """Return when the context is stopped."""
        seed, settings = self._context.intent_store.seed, self._settings
        matching = Matching(settings.match_share, seed, exact=settings.seed is not None)
        camera = ExitCamera(seed, matching, self._context.passages)
        while not self._context.stopped:
            self._context.wake.clear()
            await self._wait(await self._let_out(camera))

    async def _let_out(self, camera: ExitCamera) -> float:
        """Let out who is due, and return in how many seconds the next may be."""
        count = self._count_max()
        if not count:
            return FULL_PAUSE_SECONDS
        now_us = time.time_ns() // 1000
        cars, next_us = await self._parked_cars.due(now_us, count)
        if cars:
            await self._see(camera, cars, now_us)
            return TICK_SECONDS
        return LOOK_EVERY_SECONDS if next_us is None else (next_us - now_us) / 1_000_000

    async def _see(self, camera: ExitCamera, cars: list[Car], now_us: int) -> None:
        intent_store = self._context.intent_store
        departures = camera.see(cars, intent_store.made, now_us)
        await intent_store.intend(
            departures.intents,
            made=departures.made,
            counts={"missed": departures.missed},
            leaving=[car.key for car in cars],
            now_us=now_us,
        )
        self._context.publisher.offer(departures.intents)

    def _count_max(self) -> int:
        """Return how many cars may leave now, so that there is room for their exits and for those of strangers."""
        room = self._context.passages.cars_in(self._context.publisher.room)
        return min(BATCH_MAX, max(1, int(room * self._settings.match_share))) if room else 0

    async def _wait(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(min(max(seconds, TICK_SECONDS), LOOK_EVERY_SECONDS)):
                await self._context.wake.wait()
