"""Reads the log and sends what cameras had sent, at the pace that was asked for, until the end or a signal."""

import asyncio
import signal
import time
from collections.abc import AsyncGenerator, Generator, Iterator
from contextlib import aclosing, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Final

from parkstream_eventlog import EventLog, Record
from parkstream_events import wire
from parkstream_events.sightings import Direction

from parkstream_cli.connections import Opened
from parkstream_cli.errors import MISUSED, ToolError
from parkstream_cli.progress import Reached, progress
from parkstream_cli.republish.exchanges import problem_of, publishing
from parkstream_cli.republish.messages import Changes, message_of, sighting_of
from parkstream_cli.republish.pace import Pace
from parkstream_cli.republish.plan import Plan, Report
from parkstream_cli.republish.publisher import Outlet

BATCH: Final = 500
SHOWN_EVERY_SECONDS: Final = 0.2
DRAIN_SECONDS: Final = 10.0
"""For how long confirms are waited for after a signal or a failure."""


async def republish(it: Opened, rabbitmq_url: str, plan: Plan) -> Report:
    """Send what *plan* says, and return what came of it; of Redis it only reads the log.

    Raises ``ToolError`` or ``UnreachableError`` when nothing could be sent at all.
    """
    first, last = await _range(it.log, plan)
    async with publishing(rabbitmq_url, plan.exchange) as publish:
        report = Report(exchange=plan.exchange, first=first, last=last, new_ids=plan.new_ids, through=first - 1)
        report.shift_seconds = await _shift(it.log, first, last, plan)
        run = Run(plan, report, Outlet(publish, first))
        with stopping() as stop, progress("republishing", last - first + 1) as reached:
            await run.send(_records(it.log, first, last), stop, reached)
    return report


class Run:
    """One run: *outlet* publishes, *report* says what came of it."""

    def __init__(self, plan: Plan, report: Report, outlet: Outlet) -> None:
        self._plan = plan
        self._report = report
        self._outlet = outlet
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
                    reached(self._outlet.through - self._report.first + 1)
        ended_early = stop.signal is not None or self._outlet.failure is not None
        await self._outlet.drained(DRAIN_SECONDS if ended_early else None)
        self._close(time.monotonic() - begun, stop)

    async def _pass_on(self, record: Record, begun: float, stop: "Stop") -> bool:
        """Send *record* when it is time, or pass it over; False when there shall be no more."""
        report = self._report
        if record.type not in wire.SIGHTING_TYPES:
            report.decisions += 1
            self._outlet.pass_over(record.position)
            return True
        try:
            message = message_of(record, self._changes)
        except wire.UnreadableError:
            report.unreadable += 1
            self._outlet.pass_over(record.position)
            return True
        ahead_seconds = begun + self._pace.due_seconds(record) - time.monotonic()
        if self._plan.speed is not None:
            report.behind_seconds = max(report.behind_seconds, -ahead_seconds)
        if await stop.asked_within(ahead_seconds):
            return False
        await self._outlet.send(message)
        return self._outlet.failure is None

    def _close(self, seconds: float, stop: "Stop") -> None:
        report, outlet = self._report, self._outlet
        report.seconds = seconds
        report.entries, report.exits = outlet.confirmed[Direction.ENTRY], outlet.confirmed[Direction.EXIT]
        report.through, report.unconfirmed = outlet.through, outlet.unconfirmed
        report.stopped_by = stop.signal
        if outlet.failure is not None and stop.signal is None:
            report.problem = problem_of(outlet.failure, report.exchange)
        if report.through < report.last:
            report.go_on_with = _rest(self._plan, report)


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
        problem = f"positions {first} to {last}: the log has 1 to {end}" if end else "the log is empty"
        raise ToolError(problem, exit_code=MISUSED)
    return first, last


async def _shift(log: EventLog, first: int, last: int, plan: Plan) -> int:
    """Return by how many whole seconds the times are moved; the first sighting is not moved into the future."""
    if not plan.as_if_now:
        return plan.shift_seconds or 0
    async with aclosing(_records(log, first, last)) as records:
        async for record in records:
            if (seen := sighting_of(record)) is not None:
                return (datetime.now(UTC) - seen.event_time) // timedelta(seconds=1)
    return 0


async def _records(log: EventLog, first: int, last: int) -> AsyncGenerator[Record, None]:
    after = first - 1
    while after < last:
        records = await log.read(after, min(BATCH, last - after))
        after = records[-1].position
        for record in records:
            yield record


def _rest(plan: Plan, report: Report) -> str:
    """Return the command that sends what *report* says was not sent."""
    return " ".join(["parkstream republish", *_words(plan, report)])


def _words(plan: Plan, report: Report) -> Iterator[str]:
    yield f"--from {report.through + 1} --to {report.last}"
    yield "--flat-out" if plan.speed is None else f"--speed {plan.speed:g}"
    yield f"--exchange {plan.exchange}"
    if plan.new_ids:
        yield "--new-ids"
    if report.shift_seconds:
        yield f"--shift-seconds {report.shift_seconds}"
