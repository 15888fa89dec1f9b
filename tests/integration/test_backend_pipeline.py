import asyncio
from collections import Counter
from datetime import timedelta
from typing import Any

import aio_pika
import pytest
from backend_sightings import entry, exit_, now, poison, publish_entry, publish_exit
from camera_queues import declared
from parkstream_events import topology
from parkstream_events.sightings import microseconds
from pipeline import Pipeline, get, post
from pipeline_traffic import Cars, Event


@pytest.fixture
def pipeline(run_service, redis_url, rabbitmq_url, mall, tmp_path) -> Pipeline:
    return Pipeline(run_service, redis_url, rabbitmq_url, mall, tmp_path)


async def test_every_exit_becomes_one_visit_on_disk(pipeline: Pipeline):
    pipeline.start()
    async with Cars(pipeline.rabbitmq_url) as cars:
        await cars.drive(500)
    state = await pipeline.balances(cars.traffic)
    assert state["inside"] == 0


async def test_exits_that_arrive_before_their_entries_are_set_right(pipeline: Pipeline):
    pipeline.start()
    async with Cars(pipeline.rabbitmq_url) as cars:
        events = await cars.meet(40)
        await cars.publish([event for event in events if not event.is_entry])
        await pipeline.until(lambda: pipeline.stats()["current"]["entry_missed"] == 40)
        await cars.publish([event for event in events if event.is_entry])
    await pipeline.balances(cars.traffic)
    assert Counter(line["revision"] for line in pipeline.lines()) == {1: 40, 2: 32}


async def test_what_both_gates_saw_before_a_silence_that_was_decided_meanwhile_waits_for_the_next(pipeline: Pipeline):
    """Then no gate counts, and none is silent any more; ``hold_max`` would release it after ten minutes."""
    lateness_seconds, left = 5, now()
    rules = {"ALLOWED_LATENESS": lateness_seconds, "HOLD_MAX": 600}
    pipeline.environ |= {f"PARKSTREAM_{name}_SECONDS": str(seconds) for name, seconds in rules.items()}
    pipeline.start()
    async with Cars(pipeline.rabbitmq_url) as cars:
        await cars.publish([Event(False, exit_("x1", "A1", left))])
        await pipeline.until(lambda: pipeline.stats()["current"]["entry_missed"] == 1)
        before = left + timedelta(seconds=lateness_seconds)  # The silence was decided after that, a moment ago.
        await cars.publish([Event(True, entry("e1", "B2", before)), Event(False, exit_("x2", "C3", before))])
        await pipeline.until(lambda: pipeline.stats()["current"]["entry_missed"] == 2)


async def test_several_backends_share_the_work(pipeline: Pipeline):
    pipeline.start_api()
    for _ in range(3):
        pipeline.start_backend()
    async with Cars(pipeline.rabbitmq_url) as cars:
        await cars.drive(600)
    await pipeline.balances(cars.traffic)


async def test_each_role_runs_alone(pipeline: Pipeline):
    pipeline.start_api()
    pipeline.start_backend({"PARKSTREAM_ROLES": "record"})
    pipeline.start_backend({"PARKSTREAM_ROLES": "record"})
    pipeline.start_backend({"PARKSTREAM_ROLES": "deliver"})
    pipeline.start_backend({"PARKSTREAM_ROLES": "project"})
    async with Cars(pipeline.rabbitmq_url) as cars:
        await cars.drive(300)
    await pipeline.balances(cars.traffic)


async def test_poison_amid_good_messages_becomes_dead_letters(pipeline: Pipeline):
    pipeline.start()
    kinds = poison(1)
    async with Cars(pipeline.rabbitmq_url) as cars, await aio_pika.connect(pipeline.rabbitmq_url) as connection:
        channel = await connection.channel()
        exchange = await channel.get_exchange(topology.EVENTS_EXCHANGE)
        for _, body, properties in kinds:
            await cars.drive(10)
            await publish_entry(exchange, body, **properties)
        await pipeline.balances(cars.traffic)
        output = pipeline.backends[0].output
        await pipeline.until(lambda: output.read_text().count("record.dead_lettered") >= len(kinds))
        queue = await channel.get_queue(topology.DEAD_LETTERS_QUEUE)
        reasons = Counter[str]()
        while (letter := await queue.get(fail=False, no_ack=True, timeout=120)) is not None:
            reasons[str(letter.headers[topology.REASON_HEADER])] += 1
    assert reasons == Counter(reason for reason, _, _ in kinds)
    assert output.read_text().count("record.dead_lettered") == len(kinds)
    metrics = pipeline.metrics()
    assert f'parking_dead_letters_total{{parking_reason="too_old"}} {reasons["too_old"]}' in metrics


async def test_the_exit_generator_is_up_long_before_the_backend(pipeline: Pipeline, run_service):
    await declared(pipeline.rabbitmq_url)  # As the backend left it.
    quick = {"PARKSTREAM_DWELL_MEDIAN_SECONDS": "1", "PARKSTREAM_DWELL_SIGMA": "0.3", "PARKSTREAM_SEED": "7"}
    exits = run_service("parkstream_exit_generator", {**pipeline.environ, **quick})
    entries = run_service("parkstream_entry_generator", {**pipeline.environ, **quick, "PARKSTREAM_RATE": "100"})
    await pipeline.until(lambda: get(f"{exits.url}/v1/account")["published"] > 100)
    pipeline.start()
    await asyncio.sleep(2)
    await asyncio.to_thread(post, f"{entries.url}/v1/stop")
    await pipeline.until(lambda: is_finished(get(f"{entries.url}/v1/account")))
    await pipeline.until(lambda: get(f"{exits.url}/v1/account")["parked"] == 0)
    await asyncio.to_thread(post, f"{exits.url}/v1/stop")
    await pipeline.until(lambda: is_finished(get(f"{exits.url}/v1/account")))
    entered, exited = get(f"{entries.url}/v1/account"), get(f"{exits.url}/v1/account")
    await pipeline.until(lambda: is_settled(pipeline, entered["published"], exited["published"]))
    current = pipeline.stats()["current"]
    assert current["completed"] == exited["matched"]
    assert current["entry_missed"] == exited["unmatched"]


def is_finished(account: dict[str, Any]) -> bool:
    """Whether a generator makes nothing more, and all that it made is confirmed and counted."""
    return not (account["running"] or account["buffered"])


def is_settled(pipeline: Pipeline, entered: int, exited: int) -> bool:
    """Whether everything that was published is counted, and nothing is on its way."""
    state = pipeline.state()
    on_its_way = (state["lag"], state["pending"], state["outbox_depth"])
    return on_its_way == (0, 0, 0) and (state["counters"]["entered"], state["counters"]["exited"]) == (entered, exited)


async def test_one_id_on_two_days_is_two_visits(pipeline: Pipeline):
    """Cameras that number from 1 each day; the same event once more is nothing, with another plate it is refused."""
    pipeline.start()
    today, yesterday = now(), now() - timedelta(days=1)
    async with await aio_pika.connect(pipeline.rabbitmq_url) as connection:
        channel = await connection.channel(on_return_raises=True)
        events = await channel.get_exchange(topology.EVENTS_EXCHANGE)
        for at, plate in ((yesterday, "ONE"), (today, "TWO")):
            await publish_entry(events, entry("16", plate, at - timedelta(hours=1)))
            await publish_exit(events, exit_("17", plate, at))
            await publish_exit(events, exit_("17", plate, at))
        await publish_exit(events, exit_("17", "OTHER", today))
        await pipeline.until(lambda: pipeline.stats()["current"]["completed"] == 2)
        queue = await channel.get_queue(topology.DEAD_LETTERS_QUEUE)
        await pipeline.until(lambda: 'parking_dead_letters_total{parking_reason="id_conflict"} 1' in pipeline.metrics())
        letter = await queue.get(timeout=120)
    assert letter.headers[topology.REASON_HEADER] == "id_conflict"
    times = {line["vehicle_plate"]: line["visit_id"] for line in pipeline.lines()}
    assert times == {"ONE": f"exit:17@{microseconds(yesterday)}", "TWO": f"exit:17@{microseconds(today)}"}
    assert pipeline.state()["counters"]["exited"] == 2
    assert pipeline.state()["parked"] == 0
