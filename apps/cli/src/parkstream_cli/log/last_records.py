"""The last records, and those that come."""

from collections.abc import Callable, Sequence
from typing import Final

from parkstream_eventlog import EventLog, Record
from parkstream_projection import recorded_event_of

from parkstream_cli.log.records import Shown, as_line
from parkstream_cli.output import as_json, line

BATCH: Final = 1_000

Print = Callable[[Sequence[Record]], None]


def printing(*, json: bool) -> Print:
    """Return what prints records, as JSON Lines or for people."""

    def show(records: Sequence[Record]) -> None:
        for record in records:
            if json:
                as_json(Shown.of(record, recorded_event_of(record)))
            else:
                line(as_line(record))

    return show


async def tail(log: EventLog, count: int, show: Print, *, follow: bool) -> None:
    """Show the last *count* records; with *follow* also those that come, for ever."""
    end = (await log.state()).position
    after = max(0, end - count)
    while after < end and (records := await log.read(after, min(BATCH, end - after))):
        show(records)
        after = records[-1].position
    if follow:
        async for records in log.follow(after, BATCH):
            show(records)
