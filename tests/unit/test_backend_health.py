import asyncio
from collections.abc import Mapping

import pytest
from parkstream_backend.health import Health
from parkstream_backend.monitor import Figures, Guard, Monitor
from parkstream_backend.record.back_pressure import BackPressure
from parkstream_eventlog import WeakDurabilityError
from parkstream_service.explanation import WITHHELD
from parkstream_service.lifecycle import BackgroundTasks
from parkstream_telemetry import Telemetry, TelemetryOptions, start
from redis.exceptions import ConnectionError as RedisConnectionError


@pytest.fixture
def telemetry() -> Telemetry:
    return start(TelemetryOptions(service="test", statistics_seconds=0))


class Instrument:
    """Measures what it is told to."""

    def __init__(self) -> None:
        self.figures = Figures()
        self.error: Exception | None = None

    async def __call__(self) -> Figures:
        if self.error is not None:
            raise self.error
        return self.figures


def monitor_of(
    instrument: Instrument,
    back_pressure: BackPressure,
    telemetry: Telemetry,
    guards: Mapping[str, Guard] | None = None,
) -> Monitor:
    return Monitor(instrument, guards or {}, back_pressure, telemetry, projection_lag_max=100, outbox_max=10)


async def well() -> str:
    return ""


async def test_a_background_task_that_fails_ends_the_process_and_looks_dead(telemetry: Telemetry):
    ended = asyncio.Event()
    tasks = BackgroundTasks(lambda *_: None, end_process=ended.set)
    monitor = monitor_of(Instrument(), BackPressure(), telemetry)
    await monitor.look()
    health = Health(tasks, monitor, {"rabbitmq": well})

    async def fail() -> None:
        raise ValueError("worn out")

    tasks.start("project", fail())
    async with asyncio.timeout(5):
        await ended.wait()
    for looked_at in (await health.live(), await health.ready()):
        assert looked_at["task project"] == f"ValueError: {WITHHELD}"
        assert wrong(looked_at) == {"task project"}


async def test_ready_names_what_is_wrong(telemetry: Telemetry):
    instrument, back_pressure = Instrument(), BackPressure(frozenset({"starting"}))
    monitor = monitor_of(instrument, back_pressure, telemetry)

    async def away() -> str:
        return "not connected"

    health = Health(BackgroundTasks(lambda *_: None), monitor, {"rabbitmq": away})
    assert wrong(await health.ready()) == {"rabbitmq", "redis"}
    assert wrong(await health.live()) == set()
    instrument.figures = Figures(position=200, checkpoint=100)
    await monitor.look()
    assert wrong(await health.ready()) == {"rabbitmq", "projection"}
    instrument.error = RedisConnectionError()
    await monitor.look()
    assert "redis" in wrong(await health.ready())


def wrong(looked_at: Mapping[str, str]) -> set[str]:
    return {name for name, detail in looked_at.items() if detail}


async def test_the_monitor_shuts_and_opens_the_gate(telemetry: Telemetry):
    instrument, back_pressure = Instrument(), BackPressure(frozenset({"starting"}))
    monitor = monitor_of(instrument, back_pressure, telemetry)
    for figures, reasons in (
        (Figures(), set()),
        (Figures(memory_share=0.81, outbox_depth=10), {"redis_memory", "outbox"}),
        (Figures(memory_share=0.75, outbox_depth=1), {"redis_memory"}),
        (Figures(memory_share=0.71, position=100), {"projection_lag"}),
        (Figures(quiet=True), {"switching"}),
        (Figures(), set()),
    ):
        instrument.figures = figures
        await monitor.look()
        assert back_pressure.reasons == reasons


async def test_while_redis_is_away_the_gate_stays_as_it_is(telemetry: Telemetry):
    instrument, back_pressure = Instrument(), BackPressure()
    monitor = monitor_of(instrument, back_pressure, telemetry)
    instrument.figures = Figures(outbox_depth=10)
    await monitor.look()
    instrument.error = RedisConnectionError()
    await monitor.look()
    assert back_pressure.reasons == {"outbox"}


async def test_what_a_guard_objects_to_pauses_recording_and_is_what_ready_says(telemetry: Telemetry):
    problems: list[str] = []

    async def guard() -> None:
        if problems:
            raise WeakDurabilityError(problems)

    back_pressure = BackPressure()
    monitor = monitor_of(Instrument(), back_pressure, telemetry, {"durability": guard})
    health = Health(BackgroundTasks(lambda *_: None), monitor, {})
    for found, reasons in (([], set()), (["appendfsync is no"], {"durability"}), ([], set())):
        problems[:] = found
        await monitor.look()
        assert back_pressure.reasons == wrong(await health.ready()) == reasons
