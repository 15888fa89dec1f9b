"""Replays within a test, and a type of record that no program can read before the test says so."""

from typing import Any

import pytest
from parkstream_cli.replay.commands import rebuilt
from parkstream_eventlog import Candidate
from parkstream_events import wire
from parkstream_events.sightings import VehicleEntered
from parkstream_projection.opened import Opened
from parkstream_projection.rebuild import Source
from parkstream_projection.rebuild.run import Result, Wish
from parkstream_telemetry import TelemetryOptions, start
from projections import Mall, sighting

NEWER = "vehicle.entered.v9"


def newer_entry(id_: str, plate: str, at_us: int) -> Candidate:
    """Return an entry as a camera reports it that is ahead of the program."""
    return sighting(0, id_, plate, at_us)._replace(type=NEWER)


def becomes_readable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the program read what ``newer_entry`` makes."""
    monkeypatch.setitem(wire._DECODERS, NEWER, wire.reader(VehicleEntered, lambda event: event))


def opened(shop: Mall) -> Opened:
    """Return *shop* as the commands open it."""
    return Opened(shop.redis, shop.keys, shop.log, shop.outbox, shop.reads)


def source(shop: Mall) -> Source:
    """Return how another process opens the log of *shop*."""
    return Source(shop.url, shop.keys.mall)


async def replayed(shop: Mall, **wish: Any) -> Result:
    """Replay *shop* as ``parkstream replay`` does."""
    telemetry = start(TelemetryOptions(service="parkstream-cli", plate_hash_key="test", statistics_seconds=0))
    try:
        return await rebuilt(opened(shop), source(shop), Wish(**wish), telemetry)
    finally:
        telemetry.shutdown()
