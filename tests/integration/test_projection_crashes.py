"""A projector that dies, or loses its Redis, between any two steps: whoever comes next repeats and skips nothing."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

import pytest
from parkstream_devtools import RedisServer
from parkstream_devtools.faults import Proxy
from parkstream_projection import NotLoadedError, StaleError
from parkstream_service.redis import is_transient
from projections import HOUR, Mall, Process, day_of_traffic, now_us, project
from redis.exceptions import ConnectionError as RedisConnectionError

BATCH = 20


@pytest.fixture
async def busy(redis_url: str, mall: str) -> AsyncIterator[Mall]:
    """A mall with a log that nobody has projected."""
    shop = Mall(redis_url, mall)
    await shop.log.append(day_of_traffic(80, now_us() - HOUR))
    yield shop
    await shop.close()


class Dying:
    """Stands in for a projector's functions, and dies at the *nth* call: before Redis gets it, or after."""

    def __init__(self, call: Callable[..., Awaitable[Any]], nth: int, *, after: bool) -> None:
        self._call = call
        self._left = nth
        self._after = after
        self.died = False

    async def __call__(self, *arguments: Any) -> Any:
        self._left -= 1
        self.died = self._left == 0
        if self.died and not self._after:
            raise RedisConnectionError
        answer = await self._call(*arguments)
        if self.died:
            raise RedisConnectionError
        return answer


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("nth", range(1, 9))
async def test_a_crash_at_any_call_repeats_and_skips_nothing(busy: Mall, nth: int, *, after: bool):
    unlucky = busy.projector(cache_entities=20)
    functions = unlucky._store._functions
    functions.call = dying = Dying(functions.call, nth, after=after)
    with pytest.raises(RedisConnectionError):
        await project(unlucky, BATCH)
    assert dying.died
    await project(busy.projector(), BATCH)
    await busy.holds(await busy.truth())


@pytest.mark.parametrize("nth", [1, 2, 5, 6])
async def test_the_same_projector_goes_on_after_a_lost_answer(busy: Mall, nth: int):
    unlucky = busy.projector(cache_entities=20)
    functions = unlucky._store._functions
    functions.call = Dying(functions.call, nth, after=True)
    with pytest.raises(RedisConnectionError):
        await project(unlucky, BATCH)
    with pytest.raises(NotLoadedError):
        await unlucky.step(await busy.log.read(0, BATCH))
    await project(unlucky, BATCH)
    await busy.holds(await busy.truth())


async def undaunted(projector: Process, disturb: Callable[[], Awaitable[None]]) -> int:
    """Project to the end, with a disturbance before each step, and return how many tries failed."""
    failed = 0
    while True:
        try:
            checkpoint = await projector.load()
            while records := await projector.log.read(checkpoint, BATCH):
                await disturb()
                checkpoint = (await projector.step(records)).position
        except Exception as error:
            if not is_transient(error):
                raise
            failed += 1
        else:
            return failed


async def test_a_network_that_loses_answers_loses_nothing(busy: Mall):
    proxy = Proxy(urlsplit(busy.url).port or 0)
    projector = Process(f"redis://127.0.0.1:{proxy.port}", busy.keys)
    losses = iter([1, 0, 0, 2, 0, 1, 0, 3])

    async def lose_some() -> None:
        proxy.lose_answers(next(losses, 0))

    failed = await undaunted(projector, lose_some)
    await projector.redis.aclose()
    proxy.close()
    assert failed >= 4
    await busy.holds(await busy.truth())


async def test_killed_connections_lose_nothing(busy: Mall):
    projector = Process(busy.url, busy.keys, cache_entities=5)

    async def kill_soon() -> None:
        if len(kills) >= 6:
            return
        ids = [one["id"] for one in await busy.redis.client_list() if one["name"] == busy.keys.prefix]
        kill = busy.redis.execute_command
        kills.extend(asyncio.create_task(kill("CLIENT", "KILL", "ID", id_)) for id_ in ids)

    kills: list[asyncio.Task[int]] = []
    await undaunted(projector, kill_soon)
    assert sum(await asyncio.gather(*kills)) > 0
    await projector.redis.aclose()
    await busy.holds(await busy.truth())


async def test_a_redis_killed_between_steps_has_all_that_was_committed(redis_server: RedisServer, mall: str):
    shop = Mall(redis_server.url, mall)
    await shop.log.append(day_of_traffic(80, now_us() - HOUR))
    kills = iter([False, True, False, True])

    async def kill() -> None:
        if next(kills, False):
            redis_server.kill()
            redis_server.start()

    await undaunted(shop.projector(), kill)
    assert next(kills, None) is None
    await shop.holds(await shop.truth())
    await shop.close()


async def test_a_projector_folds_onto_no_other_history_that_is_as_long(redis_url: str, mall: str):
    """A replica that became the primary had not the last records, and others took their positions meanwhile."""
    lost, kept = Mall(redis_url, mall), Mall(redis_url, mall)
    before = day_of_traffic(40, now_us() - HOUR)
    await lost.log.append(before[:20])
    waiting = lost.projector()
    await project(waiting, BATCH)
    log_id = await lost.redis.hget(lost.keys.log_meta, "log_id")
    await lost.redis.unlink(*[key async for key in lost.redis.scan_iter(match=f"{lost.keys.prefix}*")])
    await kept.redis.hset(kept.keys.log_meta, "log_id", log_id)
    await kept.log.append(before[20:40])
    other = kept.projector()
    await project(other, BATCH)
    assert waiting.checkpoint == other.checkpoint == 20
    assert waiting.state_hash != other.state_hash
    await kept.log.append(day_of_traffic(2, now_us()))
    with pytest.raises(StaleError):
        await waiting.step(await kept.log.read(20, BATCH))
    await project(waiting, BATCH)
    await kept.holds(await kept.truth())
    await lost.close()
    await kept.close()
