"""The process that answers one question: it takes the order on stdin, reports on stdout, and ends."""

import asyncio
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Final

from msgspec import Struct
from parkstream_eventlog import EventLogError, LogReader, OtherLogError
from parkstream_projection.questions.as_of import as_of
from parkstream_projection.questions.snapshots import DamagedSnapshotError, Snapshots
from parkstream_projection.questions.what_if import what_if
from parkstream_projection.rebuild.gc_pause import rarely_collected
from parkstream_projection.rebuild.source import opened
from parkstream_service.redis import is_transient
from parkstream_service.uncaught import print_without_quotes

from parkstream_console.travel.question import Answered, Failed, Known, Order, Question, Reached, decode_order, encode

LOW_PRIORITY: Final = 10
"""As ``nice`` has it: a tenth of what a process of the pipeline gets where both want the processor."""
LENGTH_BYTES: Final = 4
FIRST_TO_GO: Final = Path("/proc/self/oom_score_adj")
"""Where memory is short, Linux ends this process rather than the console."""


async def answer_to(question: Question, log: LogReader, folder: Path, reports: BinaryIO) -> Answered:
    """Return the answer to *question*, with what is kept in *folder*, and report on the way how far it is."""
    log_id = (await log.state()).log_id
    if log_id != question.log_id:
        raise OtherLogError(question.log_id, log_id)

    def reached(done: int, total: int) -> None:
        report(Reached(done, total), reports)

    if question.then is not None:
        return await as_of(log, question.then, reached, Snapshots(folder, log_id))
    assert question.otherwise is not None
    return await what_if(log, question.otherwise, reached)


async def work(order: Order, reports: BinaryIO) -> None:
    """Do what *order* says."""
    try:
        async with opened(order.source) as log:
            answer = await answer_to(order.question, log, Path(order.folder), reports)
        report(Known(encode(answer)), reports)
    except Exception as error:
        if not (isinstance(error, EventLogError | DamagedSnapshotError | OSError) or is_transient(error)):
            raise
        report(Failed(str(error) or type(error).__name__), reports)


def report(message: Struct, reports: BinaryIO) -> None:
    """Write *message* as one frame."""
    body = encode(message)
    reports.write(len(body).to_bytes(LENGTH_BYTES, "big") + body)
    reports.flush()


if __name__ == "__main__":
    print_without_quotes()
    os.nice(LOW_PRIORITY)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the console says when to end.
    os.umask(0o077)
    with suppress(OSError):
        FIRST_TO_GO.write_text("1000")
    with rarely_collected():
        asyncio.run(work(decode_order(sys.stdin.buffer.read()), sys.stdout.buffer))
