import asyncio

from parkstream_backend.record.back_pressure import BackPressure, reasons_to_pause

LIMITS = {"redis_memory": 0.8, "outbox": 100.0}


def paused(before: frozenset[str] = frozenset(), **figures: float) -> frozenset[str]:
    return reasons_to_pause(figures, LIMITS, before)


def test_a_figure_at_its_limit_pauses():
    assert paused(redis_memory=0.79, outbox=99) == frozenset()
    assert paused(redis_memory=0.8, outbox=99) == {"redis_memory"}
    assert paused(redis_memory=0.9, outbox=100) == {"redis_memory", "outbox"}


def test_it_must_fall_clearly_below_before_it_goes_on():
    before = frozenset({"outbox"})
    assert paused(before, outbox=95) == before
    assert paused(before, outbox=89) == frozenset()


def test_the_start_is_a_reason_that_no_figure_keeps_up():
    assert paused(frozenset({"starting"})) == frozenset()


async def test_those_who_wait_at_the_gate_go_on_when_it_opens():
    back_pressure = BackPressure(frozenset({"outbox"}))
    waiting = asyncio.create_task(back_pressure.resumed())
    await asyncio.sleep(0)
    assert not waiting.done()
    back_pressure.set_reasons(frozenset())
    assert await waiting
    assert await back_pressure.resumed()


async def test_at_the_end_those_who_wait_give_up():
    back_pressure = BackPressure(frozenset({"outbox"}))
    waiting = asyncio.create_task(back_pressure.resumed())
    await asyncio.sleep(0)
    back_pressure.abandon()
    assert not await waiting
    assert not await back_pressure.resumed()
    back_pressure.set_reasons(frozenset({"redis_memory"}))
    assert not await back_pressure.resumed()
