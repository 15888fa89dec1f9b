import asyncio

import msgspec
import pytest
from parkstream_backend.background_tasks import Duties, patiently
from parkstream_backend.health import Health
from parkstream_backend.http import Request
from parkstream_backend.monitor import Figures, Monitor
from parkstream_backend.record.back_pressure import Gate
from parkstream_telemetry import Telemetry, TelemetryOptions, start
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError

ASKED = Request("", {})


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


def monitor_of(instrument: Instrument, gate: Gate, telemetry: Telemetry) -> Monitor:
    return Monitor(instrument, gate, telemetry, projection_lag_max=100, outbox_max=10)


async def well() -> str:
    return ""


async def test_a_duty_that_fails_ends_the_process_and_looks_dead(telemetry: Telemetry):
    ended = asyncio.Event()
    duties = Duties(telemetry, ended.set)
    monitor = monitor_of(Instrument(), Gate(), telemetry)
    await monitor.look()
    health = Health(duties, monitor, {"rabbitmq": well})

    async def fail() -> None:
        raise ValueError("worn out")

    duties.take_up("project", fail())
    async with asyncio.timeout(5):
        await ended.wait()
    for answered in (await health.live(ASKED), await health.ready(ASKED)):
        assert answered.status == 503
        assert msgspec.json.decode(answered.body)["problems"] == {"duty project": "ValueError: worn out"}


async def test_a_duty_that_just_ends_has_failed_too(telemetry: Telemetry):
    ended = asyncio.Event()
    duties = Duties(telemetry, ended.set)
    duties.take_up("deliver", asyncio.sleep(0))
    async with asyncio.timeout(5):
        await ended.wait()
    assert "deliver" in duties.failed


async def test_putting_duties_down_is_no_failure(telemetry: Telemetry):
    duties = Duties(telemetry, lambda: pytest.fail("it was told to stop"))

    async def work() -> None:
        await asyncio.Event().wait()

    duties.take_up("project", work())
    await asyncio.sleep(0)
    await duties.put_down()
    assert duties.failed == {}


async def test_patience_is_for_errors_that_pass():
    errors: list[Exception] = [RedisConnectionError(), RedisConnectionError()]
    told: list[Exception] = []

    async def call() -> str:
        if errors:
            raise errors.pop()
        return "done"

    assert await patiently(call, lambda error, _: told.append(error)) == "done"
    assert len(told) == 2
    errors.append(ResponseError("WRONGTYPE"))
    with pytest.raises(ResponseError):
        await patiently(call, lambda *_: None)


async def test_ready_names_what_is_wrong(telemetry: Telemetry):
    instrument, gate = Instrument(), Gate(frozenset({"starting"}))
    monitor = monitor_of(instrument, gate, telemetry)

    async def away() -> str:
        return "not connected"

    health = Health(Duties(telemetry), monitor, {"rabbitmq": away})
    assert problems(await health.ready(ASKED)) == {"rabbitmq", "redis"}
    assert problems(await health.live(ASKED)) == set()
    instrument.figures = Figures(position=200, checkpoint=100)
    await monitor.look()
    assert problems(await health.ready(ASKED)) == {"rabbitmq", "projection"}
    instrument.error = RedisConnectionError()
    await monitor.look()
    assert "redis" in problems(await health.ready(ASKED))


def problems(answered: object) -> set[str]:
    body = msgspec.json.decode(answered.body)  # type: ignore[attr-defined]
    return set(body["problems"])


async def test_the_monitor_shuts_and_opens_the_gate(telemetry: Telemetry):
    instrument, gate = Instrument(), Gate(frozenset({"starting"}))
    monitor = monitor_of(instrument, gate, telemetry)
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
        assert gate.reasons == reasons


async def test_while_redis_is_away_the_gate_stays_as_it_is(telemetry: Telemetry):
    instrument, gate = Instrument(), Gate()
    monitor = monitor_of(instrument, gate, telemetry)
    instrument.figures = Figures(outbox_depth=10)
    await monitor.look()
    instrument.error = RedisConnectionError()
    await monitor.look()
    assert gate.reasons == {"outbox"}
