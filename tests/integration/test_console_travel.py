"""Questions about another time, answered by a process of their own, on a real Redis."""

import asyncio
import os
import signal
from contextlib import suppress
from pathlib import Path

import pytest
from parkstream_console.travel.folder import SnapshotFolder
from parkstream_console.travel.question import Question
from parkstream_console.travel.worker_process import Answers, NoAnswerError
from parkstream_projection.questions.as_of import AsOf, as_of
from parkstream_projection.questions.what_if import Otherwise, what_if
from parkstream_projection.rebuild import Source
from projections import Mall, day_of_traffic, now_us

CARS = 300
MINUTE = 60_000_000


@pytest.fixture
async def kept(redis_url, mall):
    found = Mall(redis_url, mall)
    await found.log.append(day_of_traffic(CARS, now_us() - 60 * MINUTE))
    yield found
    await found.close()


@pytest.fixture
def folder():
    folder = SnapshotFolder(None)
    yield folder
    folder.close()


@pytest.fixture
def answers(redis_url, mall, folder):
    return Answers(Source(redis_url, mall), folder)


@pytest.fixture
async def log_id(kept) -> str:
    return (await kept.log.state()).log_id


def ignore(done: int, total: int) -> None:
    assert done <= total


@pytest.mark.parametrize("to", [1, 250])
async def test_the_process_answers_what_the_log_says(kept, answers, log_id, to):
    for then in (AsOf(to=to, plate="CAR1", inside=True), AsOf(recorded_at=None, to=to)):
        assert await answers(Question(log_id=log_id, then=then), ignore) == await as_of(kept.log, then, ignore)
    otherwise = Otherwise(changes={"max_stay_us": 1_000_000}, plate="CAR1")
    found = await answers(Question(log_id=log_id, otherwise=otherwise), ignore)
    assert found == await what_if(kept.log, otherwise, ignore)
    assert {one.vehicle_plate for one in found.differences} == {"CAR1"}


async def test_how_far_it_is_is_told(answers, log_id):
    told = []
    await answers(Question(log_id=log_id, then=AsOf(to=CARS)), lambda *reached: told.append(reached))
    assert told[-1] == (CARS, CARS)


async def test_a_question_to_a_log_that_is_not_there_any_more_has_no_answer(answers):
    with pytest.raises(NoAnswerError, match="log"):
        await answers(Question(log_id="0" * 32, then=AsOf(to=1)), ignore)


async def test_without_redis_there_is_no_answer_but_a_reason(folder, mall):
    nobody = Answers(Source("redis://127.0.0.1:1", mall), folder)
    with pytest.raises(NoAnswerError, match=r"127\.0\.0\.1:1"):
        await nobody(Question(log_id="log", then=AsOf(to=1)), ignore)


async def test_whoever_gives_up_ends_the_process(answers, log_id):
    asking = asyncio.create_task(answers(Question(log_id=log_id, then=AsOf(to=CARS)), ignore))
    while not (found := workers()):
        await asyncio.sleep(0)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert workers() & found == set()


async def test_a_process_that_dies_leaves_no_answer_but_a_reason(answers, log_id):
    asking = asyncio.create_task(answers(Question(log_id=log_id, then=AsOf(to=CARS)), ignore))
    while not (found := workers()):
        await asyncio.sleep(0)
    for process in found:
        os.kill(process, signal.SIGKILL)
    with pytest.raises(NoAnswerError, match="ended before it had one: ask again"):
        await asking


def workers() -> set[int]:
    """Return the processes of this one that answer questions."""
    found = set()
    children: list[str] = []
    for task in Path("/proc/self/task").iterdir():
        with suppress(OSError):  # A thread may end while we look, as that of asyncio which waits for a process.
            children += (task / "children").read_text().split()
    for child in children:
        with suppress(OSError):
            if b"parkstream_console.travel.worker" in Path(f"/proc/{child}/cmdline").read_bytes():
                found.add(int(child))
    return found - {os.getpid()}
