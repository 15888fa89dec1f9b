"""Stories of plates: at once where few records are enough, else while the log is read from its beginning."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from contextlib import aclosing
from typing import Final

from msgspec import Struct
from parkstream_eventlog.prefetch import batches_of
from parkstream_projection.codec import recorded_event_of
from parkstream_projection.opened import Opened
from parkstream_projection.questions.plate_story import Asked, is_final, remembered_story
from parkstream_visits import RecordedEvent, Story, StoryFold

WAIT_SECONDS: Final = 1.5
"""How long a page waits for its story before it shows how far the log is read."""
FORSAKEN_SECONDS: Final = 30.0
"""After this time nobody waits for a story any more: its reading ends where it is, and goes on if it is asked again."""
KEPT_MAX: Final = 20
AT_ONCE: Final = 500


class Progress(Struct, frozen=True):
    """How many records were read, of how many; *waits*: somebody else's are read first."""

    done: int
    of: int
    waits: bool


class BusyError(Exception):
    """So many stories are being read that one more is refused."""


class _Reading:
    """A plate's story as far as the log was read for it."""

    def __init__(self, plate: str) -> None:
        self.fold = StoryFold(plate)
        self.position = 0
        self.end = 0
        self.wanted_at = 0.0
        self.task: asyncio.Task[None] | None = None

    @property
    def is_running(self) -> bool:
        return self.task is not None and not self.task.done()

    def reaches(self, found: RecordedEvent | None) -> bool:
        """Whether nothing more can follow on the sighting *found*, or the log is read to its end."""
        return self.position >= self.end or (found is not None and self.position > 0 and is_final(self.fold, found))


class Stories:
    """Reads the log of *it* for one story at a time, at low priority; goes on where it ended when more is recorded.

    *refused* hears of whoever is one too many.
    """

    def __init__(self, it: Opened, refused: Callable[[], None] = lambda: None) -> None:
        self._it = it
        self.refused: Final = refused
        self._readings: OrderedDict[str, _Reading] = OrderedDict()
        self.turn: Final = asyncio.Lock()
        """Who has it reads the log; all others wait."""

    async def story(self, asked: Asked) -> Story | Progress:
        """Return the story that is *asked* for, or how far the log is read for it; raise ``BusyError``."""
        if story := await remembered_story(self._it, asked):
            return story
        reading = self._reading_of(asked.plate)
        reading.wanted_at = time.monotonic()
        if not reading.is_running:
            reading.end = (await self._it.log.state()).position
            reading.task = asyncio.create_task(self._read(reading, asked.found))
        task = reading.task
        assert task is not None
        await asyncio.wait({task}, timeout=WAIT_SECONDS)
        if not task.done():
            return Progress(reading.position, reading.end, waits=self.turn.locked() and not reading.position)
        try:
            task.result()
        except BaseException:
            self._readings.pop(asked.plate, None)
            raise
        return reading.fold.story()

    async def close(self) -> None:
        """Stop reading."""
        tasks = [reading.task for reading in self._readings.values() if reading.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _reading_of(self, plate: str) -> _Reading:
        if plate not in self._readings:
            if len(self._readings) >= KEPT_MAX:
                oldest = next((name for name, one in self._readings.items() if not one.is_running), None)
                if oldest is None:
                    self.refused()
                    message = f"{KEPT_MAX} stories are being read from the log; try again when some of them are there"
                    raise BusyError(message)
                del self._readings[oldest]
            self._readings[plate] = _Reading(plate)
        self._readings.move_to_end(plate)
        return self._readings[plate]

    async def _read(self, reading: _Reading, found: RecordedEvent | None) -> None:
        async with self.turn, aclosing(batches_of(self._it.log, reading.position, reading.end, AT_ONCE)) as batches:
            begin = time.monotonic()
            async for records in batches:
                for record in records:
                    reading.fold.take(recorded_event_of(record))
                reading.position = records[-1].position
                now = time.monotonic()
                if reading.reaches(found) or now - reading.wanted_at > FORSAKEN_SECONDS:
                    return
                await asyncio.sleep(now - begin)  # Others have half of the time.
                begin = time.monotonic()
