"""Every release is held to what those before it left: it reads, replays and continues their logs.

``PARKSTREAM_KEEP_RELEASE=yes pytest tests/integration/test_upgrade.py`` keeps what this version leaves.
"""

import asyncio
import json
import os
import shutil
import tarfile
import tomllib
from pathlib import Path

import pytest
from kept_releases import BACKUP, EXPECTED, LOG, MALL, PARTS, RELEASES, SUMMARIES, Site, make
from parkstream_devtools import RedisServer
from pipeline import Pipeline, check_lines
from pipeline_traffic import Cars
from the_tree import ROOT

VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
KEEP = os.environ.get("PARKSTREAM_KEEP_RELEASE") == "yes"
KEPT = sorted(path.name for path in RELEASES.iterdir())
NEWCOMERS = 10


@pytest.fixture
def site(run_service, redis_server, rabbitmq_url, tmp_path) -> Site:
    return Site(Pipeline(run_service, redis_server.url, rabbitmq_url, MALL, tmp_path), tmp_path)


async def test_this_release_leaves_something_to_hold_the_next_ones_to(request: pytest.FixtureRequest):
    if KEEP:
        site = request.getfixturevalue("site")
        await make(site, site.pipeline.environ["PARKSTREAM_REDIS_URL"], RELEASES / VERSION)
    assert {path.name for path in (RELEASES / VERSION).iterdir()} == {PARTS, EXPECTED}


@pytest.mark.parametrize("release", KEPT)
async def test_what_a_release_left_is_read_replayed_and_continued(site: Site, redis_server: RedisServer, release: str):
    pipeline, folder = site.pipeline, site.folder
    expected = json.loads((RELEASES / release / EXPECTED).read_text())
    with tarfile.open(RELEASES / release / PARTS) as archive:
        archive.extractall(folder, filter="data")
    await asyncio.to_thread(restored, site, redis_server)
    await site.run("functions", "load")

    assert await site.hash_of() == expected["state_hash"]
    await site.run("log", "export", str(folder / "again.jsonl"))
    assert records_of(folder / "again.jsonl") == records_of(folder / LOG)
    elsewhere = {"PARKSTREAM_MALL": "elsewhere", "PARKSTREAM_ARCHIVE_DIR": str(folder / "elsewhere")}
    await site.run("log", "import", str(folder / LOG), **elsewhere)
    await site.run("log", "export", str(folder / "elsewhere.jsonl"), **elsewhere)
    assert records_of(folder / "elsewhere.jsonl") == records_of(folder / LOG)

    before = pipeline.file.read_bytes()
    await asyncio.to_thread(pipeline.start)
    await site.delivered()
    assert pipeline.file.read_bytes().startswith(before)
    left = [json.loads(line) for line in (folder / SUMMARIES).read_bytes().splitlines()]
    assert by_revision(pipeline.lines()) == by_revision(left)

    async with Cars(pipeline.rabbitmq_url, "n") as cars:
        await cars.drive(NEWCOMERS)
        await pipeline.until(lambda: pipeline.stats()["lines"] == len(left) + NEWCOMERS)
    check_lines(pipeline.lines()[len(left) :], cars.traffic)
    await site.run("log", "archive", "--through", str(len(records_of(folder / LOG))))
    await site.run("log", "verify", "--summaries", str(pipeline.file))
    assert await site.hash_of() != expected["state_hash"]


def restored(site: Site, server: RedisServer) -> None:
    """Put the backup back where a Redis was."""
    server.kill()
    shutil.rmtree(server.folder / "appendonlydir")
    asyncio.run(site.run("restore", str(site.folder / BACKUP), PARKSTREAM_REDIS_DIR=str(server.folder)))
    server.start()


def records_of(exported: Path) -> list[dict[str, object]]:
    """Return the records in a file that was exported, without its first line, which names the log."""
    return [json.loads(line) for line in exported.read_bytes().splitlines()][1:]


def by_revision(lines: list[dict[str, object]]) -> dict[tuple[object, object], dict[str, object]]:
    found = {(line["visit_id"], line["revision"]): line for line in lines}
    assert len(found) == len(lines)
    return found
