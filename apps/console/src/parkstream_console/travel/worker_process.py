"""The other process, as the console talks to it."""

import asyncio
import sys
from collections.abc import Callable
from typing import Final

from parkstream_projection.rebuild import Source
from parkstream_projection.rebuild.frames import receive

from parkstream_console.travel.folder import SnapshotFolder
from parkstream_console.travel.question import (
    Answered,
    Failed,
    Known,
    Order,
    Question,
    Reached,
    answer_in,
    decode_report,
    encode,
)

COMMAND: Final = (sys.executable, "-m", "parkstream_console.travel.worker")
ENDED: Final = "the process that looked for the answer has ended before it had one: ask again"


class NoAnswerError(Exception):
    """There is no answer; the text says why, and what to do."""


class Answers:
    """Answers questions to the log of *source*, each in a process that ends with it; snapshots are in *folder*."""

    def __init__(self, source: Source, folder: SnapshotFolder) -> None:
        self._source = source
        self._folder = folder

    async def __call__(self, question: Question, reached: Callable[[int, int], None]) -> Answered:
        """Return the answer to *question*; raise ``NoAnswerError``. Whoever cancels this ends the process."""
        pipe = asyncio.subprocess.PIPE
        try:
            order = Order(self._source, str(self._folder.path()), question)
            process = await asyncio.create_subprocess_exec(
                *COMMAND, stdin=pipe, stdout=pipe, pass_fds=self._folder.locks
            )
        except OSError as error:
            message = f"no process can be started to look for the answer ({error}): ask again later"
            raise NoAnswerError(message) from error
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(encode(order))
            process.stdin.close()
            while (frame := await receive(process.stdout)) is not None:
                match decode_report(frame):
                    case Reached(done, total):
                        reached(done, total)
                    case Known() as known:
                        return answer_in(known, question)
                    case Failed(problem):
                        raise NoAnswerError(problem)
            raise NoAnswerError(ENDED)
        finally:
            if process.returncode is None:
                process.kill()  # What it has kept is whole at every moment.
            await process.wait()
