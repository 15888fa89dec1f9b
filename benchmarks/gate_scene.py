"""A mall with two gates each way, one of which is cut off for a while; its sightings come as a backlog afterwards.

Of five cars one is not seen entering, and another enters again by the other gate, not seen leaving before. A backend
may stand still for a part of the time.
"""

import asyncio
import json
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from parkstream_devtools import ServiceProcess
from parkstream_devtools.faults.processes import Frozen
from parkstream_devtools.overview import overview_of
from parkstream_eventlog import RedisReader
from parkstream_events import topology
from parkstream_events.keys import BackendKeys
from parkstream_events.sightings import Sighting, VehicleEntered, VehicleExited, microseconds
from parkstream_projection import recorded_event_of
from parkstream_projection.overview import Overview
from parkstream_service.redis import connect
from parkstream_visits import RecordedEvent

from benchmarks import load
from benchmarks.corrections import Correction, Reason, corrections

CUT_OFF = "south"
SETTLED_TIMEOUT_SECONDS = 240.0
LOOK_SECONDS = 0.1


class Scene(NamedTuple):
    """What happens when: seconds since the beginning."""

    rate: float
    """Sightings per second."""
    stay: float
    cut: tuple[float, float]
    frozen: tuple[float, float] | None
    ends: float

    def passes(self) -> list["Pass"]:
        """Return all that is seen, in the order in which it is published."""
        return sorted(self._passes(), key=lambda one: one.published)

    def _passes(self) -> Iterator["Pass"]:
        for n in range(int(self.ends * self.rate / 2)):
            at, plate, gates = n * 2 / self.rate, f"CAR{n}", ("north", "south") if n % 2 else ("south", "north")
            if n % 5 != 4:
                yield self._pass(at, f"in-{n}", plate, gates[0])
            if n % 5 == 1:
                yield self._pass(at + self.stay / 2, f"again-{n}", plate, gates[1])
            yield self._pass(at + self.stay, f"out-{n}", plate, ("east", "west")[n % 3 == 0])

    def _pass(self, at: float, id_: str, plate: str, gate: str) -> "Pass":
        begins, ends = self.cut
        return Pass(ends if gate == CUT_OFF and begins <= at < ends else at, at, id_, plate, gate)


class Pass(NamedTuple):
    """A car passes a gate *at* this time, and it is published then, or when the link is back."""

    published: float
    at: float
    id: str
    plate: str
    gate: str

    @property
    def is_exit(self) -> bool:
        """Whether it leaves."""
        return self.id.startswith("out")

    def sighting(self, begin: datetime) -> Sighting:
        """Return it as the camera publishes it."""
        kind = VehicleExited if self.is_exit else VehicleEntered
        return kind(self.id, self.plate, begin + timedelta(seconds=self.at), self.gate)


class Place(NamedTuple):
    """Where the scene takes place; a *scene* with a frozen backend freezes the last of *backends*."""

    rabbitmq_url: str
    redis_url: str
    mall: str
    summary_file: Path
    backends: list[ServiceProcess]

    def overview(self) -> Overview:
        """Return where everything stands."""
        return overview_of(self.redis_url, self.mall)

    async def log(self) -> list[RecordedEvent]:
        """Return all that is recorded."""
        client = connect(self.redis_url)
        records = await RedisReader(client, BackendKeys(self.mall)).read(0, 1_000_000)
        await client.aclose()
        return [recorded_event_of(record) for record in records]


class Outcome(NamedTuple):
    """What a scene came to."""

    seconds: float
    decisions: dict[str, int]
    corrections: list[Correction]
    forbidden: list[Correction]
    """Of those: what docs/guarantees.md does not allow."""
    wrong: dict[str, tuple[int, int]]
    """Equations of the account that do not hold: both sides."""
    summaries: dict[str, int]

    @property
    def reasons(self) -> dict[str, int]:
        """How many summaries were corrected for each reason."""
        return dict(Counter(str(one.reason) for one in self.corrections))


async def play(scene: Scene, place: Place) -> Outcome:
    """Let *scene* happen in *place*, wait until nothing is pending, and judge every correction and the account."""
    passes = scene.passes()
    begin = datetime.now(UTC) + timedelta(seconds=0.5)
    frozen = asyncio.create_task(_freeze(scene, place, begin))
    async with load.exchange_at(place.rabbitmq_url) as exchange, asyncio.TaskGroup() as group:
        for one in passes:
            await _until(begin, one.published)
            key = topology.EXITED_KEY if one.is_exit else topology.ENTERED_KEY
            message = load.message_of(one.sighting(begin))
            group.create_task(exchange.publish(message, key, mandatory=True))  # type: ignore[arg-type]
    stuck = await frozen
    overview = await _settled(place, len(passes))
    log = await place.log()
    found = corrections(log)
    lines = [json.loads(line) for line in place.summary_file.read_bytes().splitlines()]
    return Outcome(
        seconds=scene.ends,
        decisions=dict(Counter(one.event.because for one in log if hasattr(one.event, "because"))),
        corrections=found,
        forbidden=[one for one in found if not _is_allowed(one, stuck)],
        wrong={name: sides for name, sides in _account(passes, overview, lines).items() if sides[0] != sides[1]},
        summaries=dict(Counter(line["outcome"] for line in _current(lines))),
    )


async def _until(begin: datetime, seconds: float) -> None:
    at = begin + timedelta(seconds=seconds)
    await asyncio.sleep(max(0.0, (at - datetime.now(UTC)).total_seconds()))


async def _freeze(scene: Scene, place: Place, begin: datetime) -> range:
    """Let the last backend stand still as *scene* says, and return from when to when (microseconds)."""
    if scene.frozen is None:
        return range(0)
    fault = Frozen(place.backends[-1])
    await _until(begin, scene.frozen[0])
    since = datetime.now(UTC)
    await asyncio.to_thread(fault.inject)
    try:
        await _until(begin, scene.frozen[1])
    finally:
        fault.heal()
    return range(microseconds(since), microseconds(datetime.now(UTC)))


async def _settled(place: Place, sightings: int) -> Overview:
    async with asyncio.timeout(SETTLED_TIMEOUT_SECONDS):
        while True:
            now = await asyncio.to_thread(place.overview)
            recorded = now.counters["entered"] + now.counters["exited"]
            if recorded == sightings and not (now.lag or now.pending or now.outbox_depth):
                return now
            await asyncio.sleep(LOOK_SECONDS)


def _is_allowed(one: Correction, stuck: range) -> bool:
    """Return whether docs/guarantees.md allows it: overtaken is only what a backend had that stood still."""
    published_us = one.cause.published_at_us or 0
    was_stuck = published_us < stuck.stop and one.cause.recorded_at_us >= stuck.start
    return was_stuck if one.reason is Reason.OVERTAKEN else one.reason is not Reason.UNEXPLAINED


def _current(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the line with the greatest revision of each visit."""
    return list({line["visit_id"]: line for line in sorted(lines, key=lambda one: int(one["revision"]))}.values())


def _account(passes: list[Pass], overview: Overview, lines: list[dict[str, Any]]) -> dict[str, tuple[int, int]]:
    """Return both sides of each equation of the account."""
    current = _current(lines)
    outcomes = Counter(line["outcome"] for line in current)
    entry_of = {one.plate: one.id for one in sorted(passes, key=lambda one: one.at) if not one.is_exit}
    expected = {(one.id, entry_of.get(one.plate)) for one in passes if one.is_exit}
    again = sum(one.id.startswith("again") for one in passes)
    paired = {(line["exit_event_id"], line["entry_event_id"]) for line in current if line["exit_event_id"]}
    return {
        "exits = completed + entry_missed": (len(expected), outcomes["completed"] + outcomes["entry_missed"]),
        "exits paired with the entry before, or none": (len(expected), len(expected & paired)),
        "cars that came again = exit_missed": (again, outcomes["exit_missed"]),
        "revisions emitted = lines": (overview.counters["emitted"], len(lines)),
        "lines = distinct (visit, revision)": (len(lines), len({(one["visit_id"], one["revision"]) for one in lines})),
        "parked": (overview.parked, 0),
    }
