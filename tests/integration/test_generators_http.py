"""What the generators answer and publish, as processes."""

import asyncio
import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from urllib.request import urlopen

import pytest
from camera_queues import declared, drained, eventually
from generator_client import account, ask, finished, reached, refused
from parkstream_events.sightings import microseconds
from parkstream_events.topology import PUBLISHED_AT_HEADER
from parkstream_generators.plates import entering_plate
from parkstream_messaging.topology import ENTRIES, EXITS

ENTRY, EXIT = "parkstream_entry_generator", "parkstream_exit_generator"
MODULES = [ENTRY, EXIT]


@pytest.fixture
async def environ(redis_url, rabbitmq_url, mall) -> dict[str, str]:
    return {
        "PARKSTREAM_RABBITMQ_URL": await declared(rabbitmq_url),
        "PARKSTREAM_REDIS_URL": redis_url,
        "PARKSTREAM_MALL": mall,
        "PARKSTREAM_RATE": "200",
        "PARKSTREAM_DWELL_MEDIAN_SECONDS": "0.2",
        "PARKSTREAM_TELEMETRY_STRICT": "true",
    }


async def test_an_entry_is_the_assignments_json_confirmed_and_persistent(run_service, environ, rabbitmq_url):
    service = run_service(ENTRY, environ)
    await reached(service, lambda now: now["published"] > 20)
    await finished(service)

    for message in await drained(rabbitmq_url, ENTRIES.name):
        body = json.loads(message.body)
        assert list(body) == ["id", "vehicle_plate", "entry_date_time"]
        assert message.id == message.correlation_id == body["id"]
        assert (message.type, message.content_type, message.persistent) == (
            "vehicle.entered.v1",
            "application/json",
            True,
        )
        at_us = microseconds(message.sighting.event_time)
        assert at_us <= int(str(message.headers[PUBLISHED_AT_HEADER])) <= microseconds(datetime.now(UTC))
        assert datetime.now(UTC) - message.sighting.event_time < timedelta(minutes=5)


async def test_in_open_loop_an_event_is_dated_by_when_it_was_due(run_service, environ, rabbitmq_url):
    service = run_service(ENTRY, environ | {"PARKSTREAM_OPEN_LOOP": "true", "PARKSTREAM_ARRIVALS": "constant"})
    await reached(service, lambda now: now["published"] > 20)
    await finished(service)

    dated = sorted(
        int(str(message.headers[PUBLISHED_AT_HEADER])) for message in await drained(rabbitmq_url, ENTRIES.name)
    )
    assert {after - before for before, after in pairwise(dated)} == {5_000}


async def test_the_same_seed_gives_the_same_cars(run_service, environ, rabbitmq_url):
    service = run_service(ENTRY, environ | {"PARKSTREAM_SEED": "77", "PARKSTREAM_DURATION_SECONDS": "0.5"})
    told = await reached(service, lambda now: not now["running"] and not now["buffered"])

    plates = {message.sighting.vehicle_plate for message in await drained(rabbitmq_url, ENTRIES.name)}
    assert told["seed"] == 77
    assert plates == {entering_plate(77, number) for number in range(told["made"])}


async def test_a_seeded_exit_generator_is_exact_over_every_five_exits(run_service, environ, rabbitmq_url):
    environ |= {"PARKSTREAM_SEED": "78"}
    exits, entries = run_service(EXIT, environ), run_service(ENTRY, environ)
    await reached(exits, lambda now: now["published"] > 300)
    await finished(entries)
    told = await finished(exits)

    seen = [message.sighting.vehicle_plate[0] in "VWXYZ" for message in await drained(rabbitmq_url, EXITS.name)]
    assert sum(seen) == told["unmatched"]
    assert told["published"] == len(seen) == told["made"]
    assert told["unmatched"] in {told["made"] // 5, told["made"] // 5 + 1}


@pytest.mark.parametrize("module", MODULES)
async def test_after_stop_nothing_more_is_made(module, run_service, environ):
    service = run_service(module, environ)
    first = await finished(service)
    assert first["running"] is False

    assert await asyncio.to_thread(account, service) == first
    assert refused(service, "/health/ready") == 0


@pytest.mark.parametrize("module", MODULES)
def test_with_a_token_the_account_asks_for_it(module, run_service, environ):
    service = run_service(module, environ | {"PARKSTREAM_API_TOKEN": "secret"})

    assert refused(service, "/v1/account") == 401
    assert refused(service, "/v1/stop") == 405
    assert refused(service, "/health/live") == 0
    assert ask(service, "/v1/account", token="secret")["running"] is True


@pytest.mark.parametrize("module", MODULES)
def test_metrics_are_there_for_prometheus(module, run_service, environ):
    service = run_service(module, environ)

    with urlopen(f"{service.url}/metrics", timeout=60) as answer:
        text = answer.read().decode()
    assert "# TYPE parking_generator_buffered gauge" in text
    assert ("parking_generator_matched_share" in text) == (module == EXIT)


@pytest.mark.parametrize(("module", "kind"), [(ENTRY, "entered"), (EXIT, "matched")])
def test_a_count_of_each_gate_begins_at_0_so_that_a_rate_sees_its_first_event(module, kind, run_service, environ):
    gates = {"PARKSTREAM_GATES": "north,south", "PARKSTREAM_RATE": "0.001", "PARKSTREAM_SEED": "5"}
    service = run_service(module, environ | gates)

    with urlopen(f"{service.url}/metrics", timeout=60) as answer:
        text = answer.read().decode()
    published = {line for line in text.splitlines() if line.startswith("parking_generator_published_total{")}
    for gate in ("north", "south"):
        (line,) = [line for line in published if f'"{gate}"' in line and f'"{kind}"' in line]
        assert float(line.rsplit(" ", 1)[1]) == 0


@pytest.mark.parametrize("module", MODULES)
def test_it_says_all_that_is_wrong_and_what_it_would_be_told(module):
    wrong = {"PARKSTREAM_PORT": "many", "PARKSTREAM_MISREAD_SHARE": "2"}
    run = subprocess.run([sys.executable, "-m", module], env=wrong, capture_output=True, text=True, check=False)
    assert run.returncode == 2
    assert all(name in run.stderr for name in wrong)

    secret = {"PARKSTREAM_PLATE_HASH_KEY": "secret"}
    config = [sys.executable, "-m", module, "config", "--json"]
    run = subprocess.run(config, env=secret, capture_output=True, text=True, check=True)
    told = {variable["name"]: variable for variable in json.loads(run.stdout)["variables"]}
    assert told["PARKSTREAM_PLATE_HASH_KEY"]["value"] == "***"
    assert all(variable["meaning"] for variable in told.values())


@pytest.mark.parametrize("module", MODULES)
async def test_of_two_generators_of_one_camera_one_ends(module, run_service, environ):
    environ |= {"PARKSTREAM_RATE": "50"}
    if module == EXIT:
        run_service(ENTRY, environ)
    two = [run_service(module, environ), run_service(module, environ, ready=False)]

    async def one_ended():
        return two[0].alive != two[1].alive

    await eventually(one_ended)
    ended, left = sorted(two, key=lambda service: service.alive)
    assert "another generator of this mall" in ended.last_lines(40)
    before = await asyncio.to_thread(account, left)
    await reached(left, lambda now: now["published"] > before["published"])
