"""Whose question is answered now, who waits, and what was answered lately: one at a time for all viewers.

A question is known by what is asked, so equal ones share one answer. Who asks again and again says that the answer is
still wanted: that is how a page waits. One that nobody wants any more is abandoned.
"""

import asyncio
import math
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Final, TypeAlias

from parkstream_eventlog import LogState
from parkstream_projection.questions.as_of import Answer
from parkstream_service.lifecycle import cancel

from parkstream_console.travel.question import Answered, Question, key_of
from parkstream_console.travel.worker_process import NoAnswerError

WAITING_MAX: Final = 8
KEPT_MAX: Final = 8
KEPT_SECONDS: Final = 15.0
"""How long an answer stands that the log may have outgrown."""
FAILED_SECONDS: Final = 5.0
"""How long whoever waits can hear that there is no answer; then the question is asked anew."""
WANTED_SECONDS: Final = 15.0
IDLE_SECONDS: Final = 60.0
LOOK_SECONDS: Final = 1.0

Find: TypeAlias = Callable[[Question, Callable[[int, int], None]], Awaitable[Answered]]


class FullError(Exception):
    """Too many questions wait already: *waiting*."""

    def __init__(self, waiting: int) -> None:
        super().__init__(waiting)
        self.waiting = waiting


class Errand:
    """A question on its way: who asks, how far it is, and what came of it."""

    def __init__(self, question: Question) -> None:
        self.question = question
        self.key = key_of(question)
        self.askers: set[str] = set()
        self.wanted_at = time.monotonic()
        self.done = self.total = 0
        self.answer: Answered | None = None
        self.problem = ""
        self.ended = asyncio.Event()
        self.ended_at = 0.0

    def reached(self, done: int, total: int) -> None:
        """Note how many records were read, of how many."""
        self.done, self.total = done, total

    def end(self, answer: Answered | None = None, problem: str = "") -> None:
        """Note what came of it."""
        self.answer, self.problem, self.ended_at = answer, problem, time.monotonic()
        self.ended.set()

    def wants(self, asker: str) -> None:
        """Note that *asker* wants it."""
        self.askers.add(asker)
        self.wanted_at = time.monotonic()

    @property
    def stands_seconds(self) -> float:
        """How long this may be shown to others."""
        if self.answer is None:
            return FAILED_SECONDS
        is_final = isinstance(self.answer, Answer) and self.answer.final and self.question.is_settled
        return math.inf if is_final else KEPT_SECONDS

    @property
    def is_wanted(self) -> bool:
        """Whether somebody waits for it still."""
        return bool(self.askers) and time.monotonic() - self.wanted_at < WANTED_SECONDS


class Desk:
    """Answers with *find*; while nobody asks, and once somebody has, what *idle* says would be of use.

    *refused* hears of each question that is one too many.
    """

    def __init__(
        self,
        find: Find,
        idle: Callable[[LogState], Question | None] = lambda _: None,
        refused: Callable[[], None] = lambda: None,
    ) -> None:
        self._find = find
        self._refused = refused
        self._idle = idle
        self.log: LogState | None = None
        """Where it was when somebody last looked."""
        self._line: OrderedDict[bytes, Errand] = OrderedDict()
        """The first is being answered, the others wait."""
        self._kept: OrderedDict[bytes, Errand] = OrderedDict()
        self._work: asyncio.Task[None] | None = None
        self._came = asyncio.Event()

    def see(self, log: LogState) -> None:
        """Note where the log is; what was answered of one that has lost its end is forgotten."""
        if self.log is not None and (log.log_id != self.log.log_id or log.position < self.log.position):
            self._kept.clear()
        self.log = log

    def ask(self, question: Question, asker: str) -> Errand:
        """Return how far *question* is, which *asker* asks, now or once more; raise ``FullError``."""
        key = key_of(question)
        if (known := self._known(key)) is not None:
            return known
        errand = self._line.get(key)
        if errand is None:
            if (waiting := len(self._line) - 1) >= WAITING_MAX:
                self._refused()
                raise FullError(waiting)
            errand = self._line[key] = Errand(question)
            self._came.set()
        errand.wants(asker)
        return errand

    def ahead_of(self, errand: Errand) -> int:
        """Return how many are answered before *errand*."""
        return list(self._line).index(errand.key) if errand.key in self._line else 0

    def abandon(self, question: Question, asker: str) -> None:
        """Let *asker* want *question* no more; what nobody wants ends."""
        errand = self._line.get(key_of(question))
        if errand is not None:
            errand.askers.discard(asker)
            self._end_unwanted()

    async def run(self) -> None:
        """Answer for ever; may be cancelled anywhere."""
        try:
            while True:
                self._came.clear()
                if self._line:
                    await self._answer(next(iter(self._line.values())))
                else:
                    if self.log is not None and (question := self._idle(self.log)):
                        await self._prepare(question)
                    await self._wait_for_question()
        finally:
            if self._work is not None:
                await cancel(self._work)

    async def _answer(self, errand: Errand) -> None:
        self._work = asyncio.create_task(self._found(errand))
        while not self._work.done():
            await asyncio.wait({self._work}, timeout=LOOK_SECONDS)
            self._end_unwanted()
        self._line.pop(errand.key, None)
        if not self._work.cancelled():
            self._work.result()

    async def _found(self, errand: Errand) -> None:
        try:
            errand.end(await self._find(errand.question, errand.reached))
        except NoAnswerError as error:
            errand.end(problem=str(error))
        except Exception as error:  # noqa: BLE001 - a question must not end the console
            errand.end(problem=f"It could not be answered ({type(error).__name__}).")
        if self._line.get(errand.key) is errand:
            del self._line[errand.key]
            self._keep(errand)

    async def _prepare(self, question: Question) -> None:
        """Do what may be of use later, until somebody asks."""
        self._work = asyncio.create_task(self._found(Errand(question)))
        coming = asyncio.create_task(self._came.wait())
        try:
            await asyncio.wait({self._work, coming}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await cancel(self._work, coming)

    async def _wait_for_question(self) -> None:
        try:
            async with asyncio.timeout(IDLE_SECONDS):
                await self._came.wait()
        except TimeoutError:
            return

    def _end_unwanted(self) -> None:
        """End the questions that nobody wants any more."""
        for place, errand in enumerate(list(self._line.values())):
            if errand.is_wanted:
                continue
            if place == 0 and self._work is not None:
                self._work.cancel()
            else:
                del self._line[errand.key]

    def _known(self, key: bytes) -> Errand | None:
        """Return the answer that is kept, if it still stands."""
        kept = self._kept.get(key)
        if kept is None:
            return None
        if time.monotonic() - kept.ended_at > kept.stands_seconds:
            del self._kept[key]
            return None
        self._kept.move_to_end(key)
        return kept

    def _keep(self, errand: Errand) -> None:
        self._kept[errand.key] = errand
        while len(self._kept) > KEPT_MAX:
            self._kept.popitem(last=False)
