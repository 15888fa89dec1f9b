"""``parkstream replay`` as it is typed: its answers, its refusals, its exit codes."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator

import pytest
from projections import HOUR, SECOND, Mall, day_of_traffic, now_us, project, sighting


@pytest.fixture
async def shop(redis_url: str, mall: str) -> AsyncIterator[Mall]:
    shop = Mall(redis_url, mall)
    await shop.log.append(day_of_traffic(50, now_us() - HOUR))
    await project(shop.projector())
    yield shop
    await shop.close()


async def parkstream(shop: Mall, *words: str) -> "subprocess.CompletedProcess[str]":
    own = {"PARKSTREAM_REDIS_URL": shop.url, "PARKSTREAM_MALL": shop.keys.mall, "PARKSTREAM_COPY": "true"}
    environ = {**os.environ, **own}
    command = [sys.executable, "-m", "parkstream_cli", "replay", *words]
    return await asyncio.to_thread(
        subprocess.run, command, env=environ, capture_output=True, text=True, check=False, timeout=240
    )


async def test_a_rebuild_is_told_in_words_and_as_one_object(shop: Mall):
    told = await parkstream(shop)
    assert (told.returncode, told.stderr.strip()) == (0, "")
    assert "the same as version 1, bit for bit" in " ".join(told.stdout.split())
    result = json.loads((await parkstream(shop, "--version", "2", "--switch", "--json")).stdout)
    assert {name: result[name] for name in ("version", "events", "hash_equal", "differences", "switched")} == {
        "version": 2,
        "events": 0,
        "hash_equal": True,
        "differences": 0,
        "switched": True,
    }
    assert result["hash"] == result["live_hash"] == (await shop.reads.state()).state_hash
    assert result["seconds"] >= 0


async def test_a_switch_with_differences_says_how_many_and_what_to_do(shop: Mall):
    now = now_us()
    await shop.log.append([sighting(1, "odd", "ODD", now - 60 * SECOND), sighting(0, "later", "LATER", now)])
    await shop.log.append([sighting(1, "left", "LATER", now)])
    await project(shop.projector())
    version = await shop.versions.begin()
    await project_otherwise(shop, version)
    refused = await parkstream(shop, "--version", str(version), "--switch", "--json")
    assert refused.returncode == 1
    assert json.loads(refused.stdout)["switched"] is False
    assert "differs in 1 visits" in refused.stderr
    assert f"parkstream replay --version {version} --switch --deliver" in refused.stderr
    delivered = await parkstream(shop, "--version", str(version), "--switch", "--deliver")
    assert delivered.returncode == 0
    assert f"version {version} is live" in delivered.stdout
    assert f"exit:odd@{now - 60 * SECOND}: nothing, written so far: entry_missed #1" in delivered.stdout


async def project_otherwise(shop: Mall, version: int) -> None:
    """Let *version* take in the log as a program would that sees no exit of ODD."""
    projector = shop.projector(version=version)
    await projector.load()
    records = [
        record._replace(type="vehicle.flew.v1") if record.id == "odd" else record for record in await shop.records()
    ]
    await projector.step(records)


async def test_versions_are_listed_and_dropped(shop: Mall):
    await parkstream(shop)
    listed = json.loads((await parkstream(shop, "--list", "--json")).stdout)["versions"]
    assert [(one["number"], one["live"]) for one in listed] == [(1, True), (2, False)]
    assert "live" in (await parkstream(shop, "--list")).stdout
    dropped = await parkstream(shop, "--drop", "2", "--json")
    assert [one["number"] for one in json.loads(dropped.stdout)["versions"]] == [1]
    live = await parkstream(shop, "--drop", "1")
    assert live.returncode == 1
    assert "make another live first" in live.stderr


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["--deliver"], "--deliver has an effect with --switch or --rollback only"),
        (["--rollback", "--drop", "2"], "--rollback and --drop exclude each other"),
        (["--list", "--switch"], "exclude each other"),
        (["--rollback"], "nothing to go back to"),
    ],
)
async def test_words_that_make_no_sense_are_refused_with_2(shop: Mall, words: list[str], problem: str):
    refused = await parkstream(shop, *words)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert problem in refused.stderr
    assert "Traceback" not in refused.stderr


async def test_the_help_says_what_it_will_not_touch(shop: Mall):
    told = " ".join((await parkstream(shop, "--help")).stdout.split())
    assert "the log is only read" in told
    assert "nothing is delivered again" in told


async def test_a_redis_that_is_away_is_an_error_of_one_line(shop: Mall):
    shop.url = "redis://localhost:1"
    refused = await parkstream(shop, "--json")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr.startswith("error: ")
    assert "PARKSTREAM_REDIS_URL" in refused.stderr
