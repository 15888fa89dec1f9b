"""Two malls that share a Redis and a RabbitMQ, and the commands that are given one of them by name."""

import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from command_line import CommandLine
from console_service import Session, start_console
from parkstream_devtools import RabbitServer, ServiceProcess
from pipeline import Pipeline
from pipeline_traffic import Cars

CARS = {"north": 3, "south": 5}


@pytest.fixture
def malls(run_service, service_ending, servers, mall: str, tmp_path: Path) -> Iterator[dict[str, Pipeline]]:
    """Each with a vhost, its keys in the Redis that they share, an API and a backend."""
    rabbitmq: RabbitServer = servers.rabbitmq
    found = {}
    for name in CARS:
        url = rabbitmq.add_vhost(f"{mall}/{name}")
        found[name] = Pipeline(run_service, servers.redis.url, url, f"{mall}-{name}", tmp_path)
        found[name].start()
    yield found
    service_ending.close()
    for name in CARS:
        rabbitmq.delete_vhost(f"{mall}/{name}")


@pytest.fixture
def parkstream(malls: dict[str, Pipeline], tmp_path: Path) -> CommandLine:
    """The command line with their file; beside it stands what would lead to nobody."""
    lines = []
    for name, one in malls.items():
        (tmp_path / f"rabbitmq_url_{name}").write_text(one.rabbitmq_url)
        lines += [
            f'[malls."{one.environ["PARKSTREAM_MALL"]}"]',
            f'rabbitmq_url_file = "rabbitmq_url_{name}"',
            f'redis_url = "{one.environ["PARKSTREAM_REDIS_URL"]}"',
            f'backend_url = "{one.backends[0].url}"',
            f'summary_url = "{one.api.url}/"',
        ]
    file = tmp_path / "malls.toml"
    file.write_text("\n".join(lines))
    nobody = {"PARKSTREAM_MALL": "nobody", "PARKSTREAM_REDIS_URL": "redis://127.0.0.1:1"}
    nobody |= {"PARKSTREAM_RABBITMQ_URL": "amqp://127.0.0.1:1/", "PARKSTREAM_COPY": "true"}
    return CommandLine({"PARKSTREAM_CELLS": str(file), **nobody})


async def test_malls_are_listed_checked_and_looked_at_by_name(malls: dict[str, Pipeline], parkstream: CommandLine):
    named = {name: one.environ["PARKSTREAM_MALL"] for name, one in malls.items()}
    for name, one in malls.items():
        async with Cars(one.rabbitmq_url, name) as cars:
            await cars.drive(CARS[name])
            await one.balances(cars.traffic)
            plates = sorted(cars.traffic.exits.values())
        assert parkstream("visit", plates[0], "--mall", named[name]).code == 0
        others = next(other for other in named if other != name)
        assert "no sighting of" in parkstream("visit", plates[0], "--mall", named[others]).err
    for name, own in named.items():
        types = parkstream("--mall", own, "log", "stats", "--exact", "--json").object["types"]["counts"]
        assert types["vehicle.exited.v1"] == CARS[name]
        assert parkstream("replay", "--check", "--mall", own).code == 0
        assert parkstream("outbox", "emit-missing", "--mall", own, "--json").object["missing"] == 0

    listed = parkstream("cells", "list", "--json").object
    assert {one["mall"]: one["status"] for one in listed} == dict.fromkeys(named.values(), "ready")
    assert "guest" not in str(listed)
    assert parkstream("cells", "check", "--json").object["ok"]

    malls["south"].backends[0].kill()
    down = parkstream("cells", "list")
    assert down.code == 1
    assert [line.split()[1] for line in down.out.splitlines()[1:3]] == ["ready", "unreachable"]
    assert f"{named['south']}: backend: {malls['south'].backends[0].url}/health/ready: Connection refused" in down.out
    checked = parkstream("cells", "check")
    assert checked.code == 1
    assert f"{named['north']}: all is well" in checked.out
    assert f"{named['south']}: something is wrong" in checked.out
    assert parkstream("cells", "check", named["north"]).code == 0


def test_a_mall_that_is_not_listed_is_refused_with_those_that_are(tmp_path: Path):
    file = tmp_path / "cells.toml"
    file.write_text(
        '[malls.north]\nredis_url = "redis://r:1"\nrabbitmq_url = "amqp://q:1/"\n'
        'backend_url = "http://b:1"\nsummary_url = "http://s:1"\n'
    )
    parkstream = CommandLine({"PARKSTREAM_CELLS": str(file)})
    for words in (("doctor",), ("log", "stats"), ("dead-letters", "list"), ("cells", "check", "nort")):
        refused = parkstream(*words, *(() if words[0] == "cells" else ("--mall", "nort")))
        assert (refused.code, refused.out) == (2, "")
        assert "has no mall 'nort': it has north" in refused.err
    assert "leave --mall out" in parkstream("up", "--mall", "north").err
    assert "--mall" in parkstream("replay", "--help").out


async def test_the_console_lists_all_malls_and_waits_for_none(
    run_service: Callable[..., ServiceProcess], redis_url: str, mall: str, tmp_path: Path, free_port: Callable[[], int]
):
    file = tmp_path / "cells.toml"
    nobody = f"http://127.0.0.1:{free_port()}"
    with socket.create_server(("127.0.0.1", 0)) as silent:  # It takes connections and says nothing.
        ready = f"http://127.0.0.1:{silent.getsockname()[1]}"
        file.write_text(
            f'[malls.silent]\nredis_url = "{redis_url}"\nrabbitmq_url = "amqp://q:1/silent"\n'
            f'backend_url = "{ready}"\nsummary_url = "{ready}"\n'
            f'[malls.away]\nredis_url = "{redis_url}"\nrabbitmq_url = "amqp://q:1/away"\n'
            f'backend_url = "{nobody}"\nsummary_url = "{nobody}"\nconsole_url = "http://console.away/"\n'
        )
        console = Session(start_console(run_service, redis_url, mall, PARKSTREAM_CELLS=str(file)).url)
        status, page = console.ask("/running")
        assert (status, "there is no answer yet" in page) == (200, True)
        while "amqp://q:1/away" not in (page := console.ask("/running")[1]):
            assert "All malls" in page
        assert '<a href="http://console.away/">away</a>' in page
        assert page.count("<td>unreachable</td>") >= 2
        file.write_text("[malls.north]\n")
        while "line 1: malls.north" not in console.ask("/running")[1]:
            continue
