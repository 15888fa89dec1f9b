"""What Redis holds for ever at the default rates of the compose files, by the bytes per car that were measured."""

import json
import re

import pytest
import yaml
from parkstream_backend.record.back_pressure import MEMORY_SHARE_MAX
from parkstream_eventlog.id_index import BRIEF_DAYS
from the_tree import ROOT

COMPOSE, PAGE = ROOT / "deploy" / "compose", ROOT / "docs" / "compose.md"
(MEASURED,) = json.loads((ROOT / "docs" / "results" / "memory.json").read_text())["results"]
EXAMPLE = dict(re.findall(r"^#PARKSTREAM_(\w+)=(.*)$", (COMPOSE / ".env.example").read_text(), re.MULTILINE))
DEFAULT = re.compile(r"\$\{PARKSTREAM_(\w+):-([^}]*)\}")
DAY_SECONDS = 86_400
EVENTS_PER_CAR = 2.25
"""A car enters and leaves; 1 of 5 exits is of a car that never entered."""
BUSY = {"REDIS_MAXMEMORY": "4096mb", "RATE": "2"}


def settings(file: str) -> dict[str, str]:
    """Return the variables of a stack: what *file* says, or else the default that holds everywhere."""
    own = DEFAULT.findall((COMPOSE / file).read_text())
    return EXAMPLE | dict(own)


def bytes_of_a_car(of: dict[str, str]) -> float:
    """Return what Redis holds of a car that enters each day, once days leave as they come."""
    car = MEASURED["bytes"]
    return (
        car["ids"] * (int(of["DEDUPE_DAYS"]) + 2)
        + EVENTS_PER_CAR * MEASURED["decision"] * (BRIEF_DAYS + 2)
        + car["plates"] * (float(of["FINALITY_DAYS"]) + 1)
        + car["summaries"] * (int(of["INDEX_DAYS"]) + 2)
    )


def occupied(of: dict[str, str]) -> float:
    """Return what Redis holds at most; each event may bring a decision about a silent gate."""
    rate = float(of["RATE"])
    records = int(of["ARCHIVE_KEEP"]) + 2 * EVENTS_PER_CAR * rate * int(of["ARCHIVE_EVERY_SECONDS"])
    return MEASURED["base"] + records * MEASURED["record"] + rate * DAY_SECONDS * bytes_of_a_car(of)


def maxmemory(of: dict[str, str]) -> int:
    return int(of["REDIS_MAXMEMORY"].removesuffix("mb")) * 2**20


STACKS = {
    "lite": settings("compose.lite.yaml"),
    "with SigNoz": settings("compose.yaml"),
    "a busy mall": settings("compose.yaml") | BUSY,
}


@pytest.mark.parametrize("name", STACKS)
def test_a_stack_holds_for_ever_at_its_rate_and_its_memory_is_used(name: str):
    share = occupied(STACKS[name]) / maxmemory(STACKS[name])
    assert share < 0.95 * MEMORY_SHARE_MAX
    assert share > 0.5


@pytest.mark.parametrize(("name", "file"), [("lite", "compose.lite.yaml"), ("with SigNoz", "compose.yaml")])
def test_the_container_has_room_for_a_rewrite_beside_what_redis_may_hold(name: str, file: str):
    """A rewrite of the append-only file copies the pages that are written meanwhile."""
    limits = yaml.safe_load((COMPOSE / file).read_text())["services"]["redis"]["deploy"]["resources"]["limits"]
    limit = int(DEFAULT.sub(r"\2", limits["memory"]).removesuffix("m")) * 2**20
    assert limit >= 1.4 * maxmemory(STACKS[name])


def test_a_visit_is_in_the_index_of_the_file_for_as_long_as_it_may_change():
    assert all(int(of["INDEX_DAYS"]) > float(of["FINALITY_DAYS"]) for of in STACKS.values())


def test_the_page_has_what_was_measured():
    page, car = PAGE.read_text(), MEASURED["bytes"]
    for part in ("log", "outbox", "ids", "plates", "summaries"):
        assert f"| {car[part]} |" in page, part
    assert f"| {round(EVENTS_PER_CAR * MEASURED['decision'])} |" in page
    for name, of in STACKS.items():
        memory, rate = maxmemory(of) // 2**20, float(of["RATE"])
        cars, kilobytes = rate * DAY_SECONDS, bytes_of_a_car(of) / 1_000
        row = f"| {name} | {memory} MB | {rate:g} | {cars:,.0f} | {kilobytes:.1f} kB | {occupied(of) / 1e6:.0f} MB |"
        assert row in page, row
