"""A run: the log is read, and what cameras had sent is sent again at the pace of the plan, until a signal ends it."""

import asyncio
import signal
import time
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import aclosing, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Final

from aio_pika.abc import AbstractConnection
from parkstream_eventlog import EventLog, Record
from parkstream_eventlog.prefetch import records_of
from parkstream_events import wire
from parkstream_messaging.confirmed_publisher import ConfirmedPublisher

from parkstream_devtools.republish.exchange import problem_of, publishing
from parkstream_devtools.republish.messages import Changes, Message, Pace, message_of, sighting_of
from parkstream_devtools.republish.plan import NoRangeError, Plan, Report

SHOWN_EVERY_SECONDS: Final = 0.2
DRAIN_SECONDS: Final = 10.0
"""For how long confirms are waited for after a signal or a failure."""


Reached = Callable[[int, int], None]
"""Is called with how many positions are confirmed or were passed over, and of how many."""


async def republish(log: EventLog, connection: AbstractConnection, url: str, plan: Plan, reached: Reached) -> Report:
    """Send what *plan* says over *connection*, to the RabbitMQ at *url*, and return what came of it; only read *log*.

    Raises ``NoRangeError`` or ``MessagingError`` when nothing could be sent at all.
    """
    first, last = await _range(log, plan)
    async with publishing(connection, url, plan.exchange) as publish:
        report = Report(exchange=plan.exchange, first=first, last=last, new_ids=plan.new_ids, through=first - 1)
        report.shift_seconds = await _shift(log, first, last, plan)
        publisher = ConfirmedPublisher(publish, report.count, first)
        with stopping() as stop:
            await Run(plan, report, publisher).send(records_of(log, first - 1, last), stop, reached)
    return report


class Run:
    """One run: *publisher* publishes, *report* says what came of it."""

    def __init__(self, plan: Plan, report: Report, publisher: ConfirmedPublisher[Message]) -> None:
        self._plan = plan
        self._report = report
        self._publisher = publisher
        self._pace = Pace(plan.speed)
        self._changes = Changes(plan.new_ids, timedelta(seconds=report.shift_seconds))

    async def send(self, records: AsyncGenerator[Record, None], stop: "Stop", reached: Reached) -> None:
        """Send *records* until they end, *stop* is asked for, or a publish fails."""
        begun = shown = time.monotonic()
        async with aclosing(records):
            async for record in records:
                if not await self._pass_on(record, begun, stop):
                    break
                if time.monotonic() - shown > SHOWN_EVERY_SECONDS:
                    shown = time.monotonic()
                    report = self._report
                    reached(self._publisher.through - report.first + 1, report.last - report.first + 1)
        ended_early = stop.signal is not None or self._publisher.failure is not None
        await self._publisher.drained(DRAIN_SECONDS if ended_early else None)
        self._close(time.monotonic() - begun, stop)

    async def _pass_on(self, record: Record, begun: float, stop: "Stop") -> bool:
        """Send *record* when it is time, or pass it over; False when there shall be no more."""
        report = self._report
        if record.type not in wire.SIGHTING_TYPES:
            report.decisions += 1
            self._publisher.pass_over(record.position)
            return True
        try:
            message = message_of(record, self._changes)
        except wire.UnreadableError:
            report.unreadable += 1
            self._publisher.pass_over(record.position)
            return True
        ahead_seconds = begun + self._pace.due_seconds(record) - time.monotonic()
        if self._plan.speed is not None:
            report.behind_seconds = max(report.behind_seconds, -ahead_seconds)
        if await stop.asked_within(ahead_seconds):
            return False
        await self._publisher.send(record.position, message)
        return self._publisher.failure is None

    def _close(self, seconds: float, stop: "Stop") -> None:
        report, publisher = self._report, self._publisher
        report.seconds = seconds
        report.through, report.unconfirmed = publisher.through, publisher.unconfirmed
        report.stopped_by = stop.signal
        if publisher.failure is not None and stop.signal is None:
            report.problem = problem_of(publisher.failure, report.exchange)


class Stop:
    """Whether a signal has asked for the end."""

    def __init__(self) -> None:
        self.signal: int | None = None
        self._asked = asyncio.Event()

    def ask(self, number: int) -> None:
        """End soon, because of the signal *number*."""
        self.signal = number
        self._asked.set()

    async def asked_within(self, seconds: float) -> bool:
        """Return after *seconds*, or as soon as the end is asked for; whether it is."""
        if seconds > 0:
            try:
                async with asyncio.timeout(seconds):
                    await self._asked.wait()
            except TimeoutError:
                return self._asked.is_set()
        return self._asked.is_set()


@contextmanager
def stopping() -> Generator[Stop, None, None]:
    """Let Ctrl-C and SIGTERM ask for the end, so that what is under way can be waited for."""
    stop = Stop()
    loop = asyncio.get_running_loop()
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    for number in before:
        loop.add_signal_handler(number, stop.ask, number)
    try:
        yield stop
    finally:
        for number, handler in before.items():
            loop.remove_signal_handler(number)
            signal.signal(number, handler)


async def _range(log: EventLog, plan: Plan) -> tuple[int, int]:
    end = (await log.state()).position
    first, last = plan.first or 1, end if plan.last is None else plan.last
    if not 1 <= first <= last <= end:
        raise NoRangeError(first, last, end)
    return first, last


async def _shift(log: EventLog, first: int, last: int, plan: Plan) -> int:
    """Return by how many whole seconds the times are moved; the first sighting is not moved into the future."""
    if not plan.as_if_now:
        return plan.shift_seconds or 0
    async with aclosing(records_of(log, first - 1, last)) as records:
        async for record in records:
            if (seen := sighting_of(record)) is not None:
                return (datetime.now(UTC) - seen.event_time) // timedelta(seconds=1)
    return 0
