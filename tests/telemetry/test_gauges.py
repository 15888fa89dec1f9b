"""Every gauge of the backend shows what is so in Redis: cars inside are not pending, an outage is an age."""

import secrets
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from backend_sightings import now
from parkstream_telemetry import names
from parkstream_telemetry.kinds import Metric
from pipeline import Pipeline, get
from traces import Camera, until

HOUR = timedelta(hours=1)
State = dict[str, Any]


def matched_share(state: State) -> float:
    completed, missed = state["counters"]["completed"], state["counters"]["entry_missed"]
    return float(completed / (completed + missed))


GAUGES: dict[Metric, Callable[[State], float]] = {
    names.LOG_POSITION: lambda state: state["position"],
    names.LOG_LENGTH: lambda state: state["position"],  # Nothing is archived.
    names.LOG_REFUSED: lambda _: 0,  # tests/faults/test_log_identity.py has another log.
    names.REPLICAS_IN_STEP: lambda _: 0,  # tests/faults/test_redis_replicas.py has some.
    names.REPLICAS_MISSING: lambda _: 0,
    names.PROJECTION_LAG: lambda state: state["lag"],
    names.OUTBOX_DEPTH: lambda state: state["outbox_depth"],
    names.OUTBOX_PARKED: lambda state: state["parked"],
    names.CARS_INSIDE: lambda state: state["inside"],
    names.VISITS_PENDING: lambda state: state["pending"],
    names.VISITS_MATCHED: matched_share,
    names.RECORDS_UNREADABLE: lambda state: state["unreadable"],
    names.DELIVERY_FAILING: lambda state: state["outbox_depth"] > 0,
    names.PAUSED: lambda _: 0,
    names.DEAD_LETTERS_WAITING: lambda _: 0,  # tests/faults/test_dead_letters_wait.py has some.
    names.DEAD_LETTERS_WAITING_AGE: lambda _: 0,
    names.UNSAFE: lambda _: 0,
    names.MEMORY_SHARE: lambda _: 0,  # This Redis has no maxmemory.
}
AGE = names.OUTBOX_AGE.family
IGNORED, DELAY = names.SIGHTINGS_IGNORED.family, names.GATE_DELAY.family
LABELLED = {names.SIGHTINGS_IGNORED, names.GATE_DELAY}


def labelled(state: State) -> dict[str, float]:
    """Return the gauges that have labels, as *state* has them."""
    counters = state["counters"]
    ignored = {
        f'{IGNORED}{{parking_reason="{reason}"}}': counters[f"{reason}_entries"] + counters[f"{reason}_exits"]
        for reason in ("too_late", "too_many")
    }
    return ignored | {
        f'{DELAY}{{parking_direction="{one["direction"]}",parking_gate="{one["gate"] or "unnamed"}"}}': (
            datetime.fromisoformat(one["recorded_at"]) - datetime.fromisoformat(one["mark"])
        ).total_seconds()
        for one in state["gates"]
        if one["is_behind"]
    }


@pytest.fixture
def pipeline(run_service, redis_url, rabbitmq_url, mall, tmp_path) -> Pipeline:
    made = Pipeline(run_service, redis_url, rabbitmq_url, mall, tmp_path)
    made.environ |= {"PARKSTREAM_ALLOWED_LATENESS_SECONDS": "3600", "PARKSTREAM_HOLD_MAX_SECONDS": "3600"}
    made.start()
    return made


def figures(pipeline: Pipeline) -> dict[str, float]:
    lines = [line for line in pipeline.metrics().splitlines() if not line.startswith("#")]
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines)}


def differences(pipeline: Pipeline) -> dict[str, tuple[float | None, float]]:
    shown, state = figures(pipeline), pipeline.state()
    wanted = {metric.family: float(answer(state)) for metric, answer in GAUGES.items()} | labelled(state)
    behind = {name: value for name, value in shown.items() if name.startswith(DELAY) and name not in wanted}
    unlike = {name: (shown.get(name), value) for name, value in wanted.items() if shown.get(name) != value}
    return unlike | {name: (value, 0.0) for name, value in behind.items()}


def test_every_gauge_is_compared():
    gauges = {one for one in vars(names.backend).values() if isinstance(one, Metric) and one.kind == "gauge"}
    assert gauges == {*GAUGES, *LABELLED, names.OUTBOX_AGE}


async def test_gauges_are_what_is_so_also_while_the_summary_api_is_away(pipeline: Pipeline):
    async with Camera(pipeline.rabbitmq_url) as camera:
        for number in range(7):
            await camera.enters(f"INSIDE{number}", now() - HOUR)
        await camera.enters("CAR", now() - HOUR)
        await camera.leaves("CAR", now())
        await camera.leaves("LONE", now())
        await until(lambda: pipeline.state()["pending"] == 1 and pipeline.state()["outbox_depth"] == 0)
        assert pipeline.state()["inside"] == 7
        await until(lambda: not differences(pipeline), lambda: str(differences(pipeline)))
        assert figures(pipeline)[AGE] == 0

        while not any(name.startswith(DELAY) for name in figures(pipeline)):
            await camera.enters(f"OLD{secrets.token_hex(3)}", now() - 2 * HOUR, gate="north")
        await until(lambda: not differences(pipeline), lambda: str(differences(pipeline)))
        gates = get(f"{pipeline.backends[0].url}/health/ready")["checks"]["gates"]
        assert (gates["status"], "entry gate north is behind" in gates["detail"]) == ("warning", True)

        pipeline.api.kill()
        await camera.enters("LATER", now() - HOUR)
        await camera.leaves("LATER", now())
        await until(lambda: pipeline.state()["outbox_depth"] == 1)
        await until(lambda: not differences(pipeline), lambda: str(differences(pipeline)))
        age = pipeline.state()["outbox_age_seconds"]
        await until(lambda: figures(pipeline)[AGE] > age > 0)

        pipeline.api.restart()
        await until(lambda: pipeline.state()["outbox_depth"] == 0)
        await until(
            lambda: not differences(pipeline) and figures(pipeline)[AGE] == 0, lambda: str(differences(pipeline))
        )
    failed = 'parking_delivery_attempts_total{parking_outcome="unavailable"}'
    assert figures(pipeline)[failed] > 0
    assert figures(pipeline)['parking_delivered_total{parking_item_status="written"}'] == 2
