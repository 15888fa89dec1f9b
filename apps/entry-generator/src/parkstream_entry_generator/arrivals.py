"""Cars arrive: each is numbered, kept as an intent, and handed to the publisher."""

import asyncio
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Final

from parkstream_generators.context import GeneratorContext
from parkstream_generators.intents import Intent, SightingKind
from parkstream_generators.pace import Pace, arrivals
from parkstream_generators.passages import Passing
from parkstream_generators.plates import entering_plate

BATCH_MAX: Final = 500
TICK_SECONDS: Final = 0.002
"""Arrivals closer than this are made together."""


class EntryCamera:
    """Makes an entry for each arrival until its context is stopped."""

    def __init__(
        self, context: GeneratorContext, pace: Pace, rate: float, time_scale: float, *, open_loop: bool
    ) -> None:
        self._context = context
        self._intent_store = context.intent_store
        self._passages = context.passages
        self._pace = pace
        self._rate = rate
        self._time_scale = time_scale
        self._open_loop = open_loop

    async def run(self) -> None:
        """Return when the context is stopped."""
        upcoming = arrivals(
            self._pace, self._rate, self._intent_store.seed, first=self._intent_store.made, time_scale=self._time_scale
        )
        started_at, started_us = time.monotonic(), time.time_ns() // 1000
        at = next(upcoming)
        while not self._context.stopped:
            due, at = _due(upcoming, at, time.monotonic() - started_at)
            if due:
                await self._enter([started_us + round(seconds * 1_000_000) for seconds in due])
            await self._wait(at - (time.monotonic() - started_at))

    async def _enter(self, due_us: Sequence[int]) -> None:
        """Make those for which there is room; the newest are dropped."""
        room = self._passages.cars_in(self._context.publisher.room)
        first = self._intent_store.made
        entering = due_us[:room]
        intents = [intent for number, at_us in enumerate(entering, first) for intent in self._entry(number, at_us)]
        dropped = len(due_us) - len(entering)
        await self._intent_store.intend(intents, made=first + len(due_us), counts={"dropped": dropped})
        self._context.publisher.offer(intents)
        self._context.dropped(dropped)

    def _entry(self, number: int, due_us: int) -> list[Intent]:
        seed, passages = self._intent_store.seed, self._passages
        plate = entering_plate(seed, number)
        read = passages.faults.plate_as_read(plate, seed)
        entering = Passing(
            plate=read,
            at_us=time.time_ns() // 1000,
            kind=SightingKind.ENTERED if read == plate else SightingKind.MISREAD,
            published_at_us=due_us if self._open_loop else 0,
        )
        return passages.seen(entering, passages.gate_of(plate, seed), plate, seed)

    async def _wait(self, seconds: float) -> None:
        """Wait until the next car arrives or the context is stopped."""
        with suppress(TimeoutError):
            async with asyncio.timeout(max(seconds, TICK_SECONDS)):
                await self._context.wake.wait()


def _due(upcoming: Iterator[float], at: float, now: float) -> tuple[list[float], float]:
    """Return the arrivals up to *now*, at most a batch, and the one after them; *at* is the next."""
    due: list[float] = []
    while at <= now and len(due) < BATCH_MAX:
        due.append(at)
        at = next(upcoming)
    return due, at
