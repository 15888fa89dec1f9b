"""kill -9 of the generators mid-run: no car is forgotten, none repeated, and the accounts stay exact."""

import asyncio
import random
from collections import Counter

import pytest
from camera_queues import Message, declared, drained
from generator_client import account, finished, reached
from parkstream_devtools import ServiceProcess
from parkstream_events.wire import decode
from parkstream_generators.passages import PLACEHOLDER
from parkstream_messaging.topology import ENTRIES, EXITS

KILLS = 6
ENTRY, EXIT = "parkstream_entry_generator", "parkstream_exit_generator"


@pytest.fixture
async def environ(redis_url, rabbitmq_url, mall) -> dict[str, str]:
    return {
        "PARKSTREAM_RABBITMQ_URL": await declared(rabbitmq_url),
        "PARKSTREAM_REDIS_URL": redis_url,
        "PARKSTREAM_MALL": mall,
        "PARKSTREAM_RATE": "250",
        "PARKSTREAM_SEED": "5",
        "PARKSTREAM_DWELL_MEDIAN_SECONDS": "0.5",
        "PARKSTREAM_TELEMETRY_STRICT": "true",
    }


async def killed_in_flight(service: ServiceProcess, chance: random.Random) -> None:
    """Kill *service* while it publishes, and start it again."""
    before = await asyncio.to_thread(account, service)
    await reached(service, lambda now: now["published"] > before["published"] + 20)
    await asyncio.sleep(chance.uniform(0, 0.2))
    service.kill()
    service.restart()
    await asyncio.to_thread(service.wait_ready)


def plates_by_id(messages: list[Message]) -> dict[str, str]:
    """Return the plate of each event; all copies of an event must be the same."""
    bodies: dict[str, bytes] = {}
    for message in messages:
        assert bodies.setdefault(message.id, message.body) == message.body
    return {message.id: message.sighting.vehicle_plate for message in messages}


def each_once(plates: list[str]) -> set[str]:
    counts = Counter(plates)
    assert not [plate for plate, count in counts.items() if count > 1]
    return set(counts)


async def test_the_entry_generator_forgets_and_repeats_nobody(run_service, environ, rabbitmq_url):
    chance = random.Random(1)
    entries = run_service(ENTRY, environ)
    for _ in range(KILLS):
        await killed_in_flight(entries, chance)
    told = await finished(entries)

    plates = plates_by_id(await drained(rabbitmq_url, ENTRIES.name))
    assert told["published"] == told["made"] == len(plates)
    assert len(each_once(list(plates.values()))) == told["published"] > 200


async def test_the_exit_generator_forgets_and_repeats_nobody(run_service, environ, rabbitmq_url):
    chance = random.Random(2)
    exits = run_service(EXIT, environ)
    entries = run_service(ENTRY, environ)
    for _ in range(KILLS):
        await killed_in_flight(exits, chance)
    entered = await finished(entries)
    await reached(exits, lambda now: now["matched"] == entered["published"] and not now["parked"])
    told = await finished(exits)

    inside = each_once(list(plates_by_id(await drained(rabbitmq_url, ENTRIES.name)).values()))
    left = each_once(list(plates_by_id(await drained(rabbitmq_url, EXITS.name)).values()))
    assert told["published"] == len(left)
    assert told["matched"] == len(left & inside) == len(inside)
    assert told["unmatched"] == len(left - inside)
    assert told["matched"] // 4 - 1 <= told["unmatched"] <= told["matched"] // 4 + 1


async def test_both_are_killed_with_faults_switched_on(run_service, environ, rabbitmq_url):
    chance = random.Random(3)
    shares = dict.fromkeys(("DUPLICATE_SHARE", "MISREAD_SHARE", "MISSED_SHARE", "DELAY_SHARE"), "0.1")
    environ |= {f"PARKSTREAM_{name}": share for name, share in shares.items()} | {"PARKSTREAM_DELAY_SECONDS": "0.3"}
    exits, entries = run_service(EXIT, environ), run_service(ENTRY, environ)
    for _ in range(3):
        await killed_in_flight(exits, chance)
        await killed_in_flight(entries, chance)
    entered = await finished(entries)
    seen_leaving = ("matched", "misread", "missed")
    await reached(exits, lambda now: sum(now[kind] for kind in seen_leaving) == entered["published"])
    told = await finished(exits)

    assert len(plates_by_id(await drained(rabbitmq_url, ENTRIES.name))) == entered["published"]
    assert len(plates_by_id(await drained(rabbitmq_url, EXITS.name))) == told["published"]
    assert told["published"] == told["matched"] + told["unmatched"] + told["misread"]
    assert min(told["misread"], told["missed"], told["duplicates"], entered["misread"], entered["duplicates"]) > 0
    assert told["unmatched"] == pytest.approx(told["matched"] / 4, abs=1)


async def test_a_backlog_that_an_outage_holds_outlives_kills(run_service, environ, rabbitmq_url):
    chance = random.Random(4)
    outage = {"PARKSTREAM_GATES": "north=0.6,south=0.4", "PARKSTREAM_GATE_FAULTS": "south:outage=0/40"}
    entries = run_service(ENTRY, environ | outage)
    for _ in range(2):
        await killed_in_flight(entries, chance)
    held = await asyncio.to_thread(account, entries)
    told = await finished(entries)

    messages = await drained(rabbitmq_url, ENTRIES.name)
    plates = plates_by_id(messages)
    assert held["buffered"] > held["gates"].get("south", 0)
    assert told["published"] == told["made"] == len(plates) == len(each_once(list(plates.values())))
    gates = {message.id: message.sighting.gate for message in messages}
    assert told["gates"] == Counter(gates.values())
    assert told["gates"].keys() == {"north", "south"}


async def test_both_are_killed_with_every_fault_of_gates_switched_on(run_service, environ, rabbitmq_url):
    chance = random.Random(5)
    faults = "delay=0.1,creep=3/0.4,placeholders=20,ids=daily,south:skew=60,north:outage=1/1"
    environ |= {"PARKSTREAM_GATES": "north,south", "PARKSTREAM_GATE_FAULTS": faults, "PARKSTREAM_RATE": "100"}
    exits, entries = run_service(EXIT, environ), run_service(ENTRY, environ)
    for _ in range(3):
        await killed_in_flight(exits, chance)
        await killed_in_flight(entries, chance)
    entered = await finished(entries)
    cars = entered["published"] - entered["duplicate_read"] - entered["placeholder"]
    await reached(exits, lambda now: now["matched"] + now["backdated"] == cars)
    told = await finished(exits)

    for account_, queue in ((entered, ENTRIES), (told, EXITS)):
        messages = await drained(rabbitmq_url, queue.name)
        seen = [decode(message.type, message.body) for message in messages]
        bodies = {(event.gate, event.id, event.event_time): event.vehicle_plate for event in seen}
        reads = Counter(bodies.values())
        without_plate = reads.pop(PLACEHOLDER)
        assert account_["published"] == len(bodies) == len({message.body for message in messages})
        assert account_["placeholder"] == without_plate > 0
        assert set(reads.values()) == {3}
        assert account_["duplicate_read"] == 2 * len(reads)
        assert account_["gates"] == Counter(gate for gate, _, _ in bodies)
        counted = Counter((gate, int(id_), at.date()) for gate, id_, at in bodies)
        assert max(counted.values()) == 1
    assert min(told["matched"], told["backdated"], told["unmatched"]) > 0


@pytest.mark.parametrize("module", [ENTRY, EXIT])
async def test_sigterm_finishes_what_was_begun(module, run_service, environ, rabbitmq_url):
    service = run_service(module, environ)
    entries = service if module == ENTRY else run_service(ENTRY, environ)
    before = await reached(service, lambda now: now["published"] > 100)

    assert await asyncio.to_thread(service.terminate, 10) == 0, service.last_lines()

    service.restart()
    await asyncio.to_thread(service.wait_ready)
    told = await finished(service)
    if module == EXIT:
        await finished(entries)
    queue = ENTRIES if module == ENTRY else EXITS
    assert len(plates_by_id(await drained(rabbitmq_url, queue.name))) == told["published"] >= before["published"]
