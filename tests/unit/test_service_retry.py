"""The one retry: how often, how long, and that no cancellation is lost."""

import asyncio

import pytest
import stamina
from parkstream_service.retry import Wait, retried, uncancelled
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError


@pytest.fixture
def at_once():
    """Let nothing wait, and no more than ten tries be made."""
    with stamina.set_testing(True, attempts=10):
        yield


class Call:
    """Raises what it is given, then answers."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)

    async def __call__(self) -> str:
        if self.errors:
            raise self.errors.pop(0)
        return "done"


async def test_a_call_is_made_again_while_redis_is_away(at_once):
    reported: list[Exception] = []
    away = [RedisConnectionError("1"), RedisConnectionError("2")]

    assert await retried(Call(*away), on_retry=reported.append) == "done"
    assert reported == away


async def test_a_wait_knows_its_problem_until_the_call_has_succeeded(at_once):
    problems: list[str] = []
    wait = Wait(lambda _: problems.append(wait.problem))
    assert await retried(Call(ResponseError("NOAUTH Authentication required.")), on_retry=wait) == "done"
    assert problems == ["ResponseError: NOAUTH Authentication required."]
    assert wait.problem == ""


async def test_an_error_that_stays_is_raised_at_once(at_once):
    reported: list[Exception] = []
    with pytest.raises(ResponseError):
        await retried(Call(ResponseError("WRONGTYPE")), on_retry=reported.append)
    assert reported == []


async def test_what_passes_is_the_callers_to_say(at_once):
    call = Call(OSError("away"))

    assert await retried(call, when=lambda error: isinstance(error, OSError)) == "done"


async def test_waits_double_up_to_a_limit_unless_the_other_side_asks_for_one(monkeypatch):
    waits: list[float] = []

    async def note(seconds: float) -> None:
        waits.append(seconds)

    monkeypatch.setattr("stamina._core._smart_sleep", note)
    errors = [OSError(str(number)) for number in range(6)]
    await retried(
        Call(*errors),
        when=lambda error: 7.5 if error is errors[-1] else True,
        first_seconds=1.0,
        most_seconds=5.0,
    )
    *backoff, asked_for = waits
    assert asked_for == 7.5
    limits = [(1, 2), (2, 3), (4, 5), (5, 5), (5, 5)]
    assert all(least <= wait <= most for (least, most), wait in zip(limits, backoff, strict=True)), backoff


@pytest.mark.parametrize("answers", [True, False])
async def test_a_cancellation_that_a_library_loses_is_raised_all_the_same(answers: bool):
    calls = 0

    async def loses_it() -> None:
        nonlocal calls
        calls += 1
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            if not answers:
                raise RedisConnectionError("lost") from None

    task = asyncio.create_task(retried(loses_it))
    await asyncio.sleep(0)
    task.cancel()
    done, _ = await asyncio.wait({task}, timeout=60)
    assert done
    assert task.cancelled()
    assert calls == 1


async def test_what_a_cancelled_task_still_does_is_done():
    ended = asyncio.Event()

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            assert await retried(Call()) == "done"
            ended.set()

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait({task}, timeout=60)
    assert ended.is_set()


async def test_a_cancellation_that_nobody_asked_for_is_a_lost_connection():
    async def cancelled_by_a_library() -> None:
        raise asyncio.CancelledError

    with pytest.raises(ConnectionAbortedError):
        await uncancelled(cancelled_by_a_library)


async def test_a_time_limit_inside_a_call_is_no_cancellation(at_once):
    async def slow() -> None:
        async with asyncio.timeout(0):
            await asyncio.Event().wait()

    with pytest.raises(TimeoutError):
        await retried(slow)
