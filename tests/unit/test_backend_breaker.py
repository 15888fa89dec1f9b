import asyncio

from parkstream_backend.deliver.breaker import Breaker, BreakerState


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def breaker_at(clock: Clock, changes: list[BreakerState] | None = None) -> Breaker:
    noted = [] if changes is None else changes
    return Breaker(failures_max=3, open_seconds=10, clock=clock, on_change=lambda state, _: noted.append(state))


async def is_admitted(breaker: Breaker) -> bool:
    try:
        async with asyncio.timeout(0.01):
            await breaker.admitted()
    except TimeoutError:
        return False
    return True


async def test_single_failures_open_nothing():
    breaker = breaker_at(Clock())
    for _ in range(5):
        breaker.failed("away")
        breaker.failed("away")
        breaker.succeeded()
    assert await is_admitted(breaker)


async def test_failures_in_a_row_open_it_and_one_try_finds_out():
    clock = Clock()
    breaker = breaker_at(clock)
    for _ in range(3):
        breaker.failed("away")
    assert breaker.state is BreakerState.OPEN
    assert breaker.reason == "away"
    assert not await is_admitted(breaker)
    clock.now = 10.0
    assert await is_admitted(breaker)
    assert not await is_admitted(breaker)
    breaker.succeeded()
    assert await is_admitted(breaker)


async def test_a_failed_try_keeps_it_open_for_longer():
    clock = Clock()
    breaker = Breaker(failures_max=1, open_seconds=10, open_seconds_max=1_000, clock=clock)
    for _ in range(8):
        breaker.failed("away")
        clock.now += 1_000
        assert await is_admitted(breaker)
    breaker.failed("away")
    clock.now += 499
    assert not await is_admitted(breaker)


async def test_at_once_and_for_as_long_as_it_is_told():
    clock = Clock()
    breaker = breaker_at(clock)
    breaker.failed("token", at_once=True, pause_seconds=60)
    clock.now = 59.9
    assert not await is_admitted(breaker)
    clock.now = 60.0
    assert await is_admitted(breaker)


async def test_a_try_given_up_lets_the_next_one_through():
    clock = Clock()
    breaker = breaker_at(clock)
    breaker.failed("away", at_once=True)
    clock.now = 10.0
    assert await is_admitted(breaker)
    breaker.released()
    assert await is_admitted(breaker)


async def test_those_who_wait_go_on_when_it_closes():
    breaker = breaker_at(Clock())
    breaker.failed("away", at_once=True)
    waiting = [asyncio.create_task(breaker.admitted()) for _ in range(3)]
    await asyncio.sleep(0)
    breaker.succeeded()
    async with asyncio.timeout(1):
        await asyncio.gather(*waiting)


async def test_it_tells_of_opening_and_closing_once_each():
    changes: list[BreakerState] = []
    clock = Clock()
    breaker = breaker_at(clock, changes)
    for _ in range(5):
        breaker.failed("away")
    clock.now = 10.0
    await breaker.admitted()
    breaker.failed("away")
    clock.now = 50.0
    await breaker.admitted()
    breaker.succeeded()
    assert changes == [BreakerState.OPEN, BreakerState.CLOSED]
