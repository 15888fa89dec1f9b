"""The tasks of a process: they start, they stop, and one that fails is reported and ends the process."""

import asyncio

import pytest
from parkstream_service.explanation import WITHHELD
from parkstream_service.lifecycle import BackgroundTasks, asked_to_stop, cancel

LIMIT_SECONDS = 30


class Process:
    """Notes what is reported, and that it shall end."""

    def __init__(self) -> None:
        self.reported: list[tuple[str, str]] = []
        self.ended = asyncio.Event()
        self.tasks = BackgroundTasks(self.report, end_process=self.ended.set)

    def report(self, name: str, error: BaseException) -> None:
        self.reported.append((name, str(error)))

    async def ends(self) -> None:
        async with asyncio.timeout(LIMIT_SECONDS):
            await self.ended.wait()


async def for_ever() -> None:
    await asyncio.Event().wait()


async def fail() -> None:
    raise ValueError("worn out")


async def test_a_task_that_fails_is_reported_once_and_ends_the_process():
    process = Process()
    process.tasks.start("project", fail())
    await process.ends()
    process.tasks.fail("project", OSError("again"))

    assert process.reported == [("project", "worn out")]
    assert process.tasks.failed == {"project": f"ValueError: {WITHHELD}"}  # Health shows it to everybody.


@pytest.mark.parametrize("may_end", [True, False])
async def test_a_task_that_just_ends_has_failed_too_unless_it_may(may_end: bool):
    process = Process()
    task = process.tasks.start("deliver", asyncio.sleep(0), may_end=may_end)
    await asyncio.wait({task}, timeout=LIMIT_SECONDS)
    await asyncio.sleep(0)

    assert ("deliver" in process.tasks.failed) is not may_end
    assert process.ended.is_set() is not may_end


async def test_a_task_that_somebody_else_cancels_has_failed():
    process = Process()
    process.tasks.start("project", for_ever()).cancel()
    await process.ends()

    assert "project" in process.tasks.failed


async def test_stopping_is_no_failure():
    process = Process()
    for name in ("project", "deliver"):
        process.tasks.start(name, for_ever())
    await asyncio.sleep(0)
    await process.tasks.stop()

    assert process.tasks.failed == {}
    assert not process.ended.is_set()


async def test_a_task_that_fails_while_it_is_stopped_is_reported():
    async def fails_at_the_end() -> None:
        try:
            await for_ever()
        finally:
            raise ValueError("half written")

    process = Process()
    process.tasks.start("deliver", fails_at_the_end())
    await asyncio.sleep(0)
    await process.tasks.stop()
    await asyncio.sleep(0)

    assert process.reported == [("deliver", "half written")]


async def test_a_task_that_loses_a_cancellation_is_cancelled_again():
    lost = 0

    async def loses_the_first() -> None:
        nonlocal lost
        while lost == 0:
            try:
                await for_ever()
            except asyncio.CancelledError:
                lost += 1
                assert asked_to_stop()
        await for_ever()

    task = asyncio.create_task(loses_the_first())
    await asyncio.sleep(0)
    async with asyncio.timeout(LIMIT_SECONDS):
        await cancel(task)
    assert task.cancelled()
    assert lost == 1
