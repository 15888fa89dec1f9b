"""Reads without a plate, at their gates' rates, beside the cars."""

import asyncio
import time
from contextlib import suppress
from typing import Final

from parkstream_generators.context import GeneratorContext
from parkstream_generators.gates import Gate

TICK_SECONDS: Final = 0.01
"""Reads closer than this are made together."""


class PlaceholderReads:
    """Makes them until its context is stopped; those for which the buffer has no room are dropped."""

    def __init__(self, context: GeneratorContext) -> None:
        self._context = context
        self._rates = [(gate, gate.faults.placeholders_per_second) for gate in context.passages.gates.all]

    async def run(self) -> None:
        """Return when the context is stopped, or at once when no gate makes any."""
        started, made = time.monotonic(), dict.fromkeys(range(len(self._rates)), 0)
        while not self._context.stopped and any(rate for _, rate in self._rates):
            seconds = time.monotonic() - started
            due: list[Gate] = []
            for number, (gate, rate) in enumerate(self._rates):
                due += [gate] * (int(seconds * rate) - made[number])
                made[number] = int(seconds * rate)
            await self._read(due)
            await self._wait(min((made[n] + 1) / rate for n, (_, rate) in enumerate(self._rates) if rate) - seconds)

    async def _read(self, gates: list[Gate]) -> None:
        if not gates:
            return
        now_us = time.time_ns() // 1000
        room = self._context.publisher.room
        intents = [self._context.passages.no_plate(gate, now_us) for gate in gates[:room]]
        dropped = len(gates) - len(intents)
        await self._context.intent_store.intend(intents, counts={"dropped": dropped})
        self._context.publisher.offer(intents)
        self._context.dropped(dropped)

    async def _wait(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(max(seconds, TICK_SECONDS)):
                await self._context.stopping.wait()
