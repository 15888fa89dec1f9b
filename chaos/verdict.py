"""What must hold after each fault: nothing waits, the account is reconciled, the log is sound, a replay is equal."""

import time
from collections.abc import Callable
from typing import Final

import msgspec
from parkstream_devtools import failing
from parkstream_devtools.pipeline.account import equations
from parkstream_devtools.pipeline.summary_file import tally
from parkstream_events.summaries import Outcome, Summary
from parkstream_events.wire import UNREADABLE
from parkstream_projection import ProjectionError
from parkstream_projection.overview import Overview
from redis.exceptions import RedisError

from chaos.broken import BrokenPromiseError
from chaos.camera import AWAY
from chaos.mall import COMMAND_SECONDS, UNANSWERED, Mall
from chaos.traffic import Expected, Traffic

POLL_SECONDS: Final = 0.1
REST_SECONDS: Final = 240.0
"""How long it may take: the pauses between tries, and a machine that does much beside."""
WORDS_MAX: Final = 2_000
NAMED_MAX: Final = 5
CHECKS: Final = (("log", "verify", "--json"), ("replay", "--check", "--json"))


def wait_until(waits: Callable[[], str], what: str) -> None:
    """Return when *waits* has nothing to name any more; raise ``BrokenPromiseError`` with the last that it named."""
    deadline = time.monotonic() + REST_SECONDS
    while found := waits():
        if time.monotonic() > deadline:
            message = f"{what}: not within {REST_SECONDS:g} s: {found}"
            raise BrokenPromiseError(message)
        time.sleep(POLL_SECONDS)


def unrest(mall: Mall) -> str:
    """Return what still moves, or is not ready; nothing when the account can be reconciled."""
    ended = [f"{one.name} ended by itself with code {one.exit_code}" for one in mall.services if not one.alive]
    if ended:
        raise BrokenPromiseError("; ".join([*ended, *(one.last_lines() for one in mall.services if not one.alive)]))
    if away := mall.servers_away():
        return away
    if not mall.camera.done:
        return f"{mall.camera.confirmed:,} sightings are confirmed"
    try:
        moving = {state_of: waits for state_of, waits in _moving(mall).items() if waits}
    except (*UNANSWERED, *AWAY, RedisError, ProjectionError) as error:
        return f"no answer: {error!r}"
    unready = {service.name: found for service in mall.services if (found := failing(service.url))}
    return f"{moving} {unready}" if moving or unready else ""


def broken_after(mall: Mall) -> list[str]:
    """Return every promise that does not hold at rest."""
    commands = [mall.start_command(*words) for words in CHECKS]
    broken = [*_unequal(mall), *_wrong_visits(mall)]
    for words, command in zip(CHECKS, commands, strict=True):
        out, err = command.communicate(timeout=COMMAND_SECONDS)
        if command.returncode:
            broken.append(f"parkstream {' '.join(words)}: exit {command.returncode}: {(err + out)[:WORDS_MAX]}")
    return broken


def recorded(state: Overview) -> int:
    """Return how many sightings the log has."""
    return state.counters.get("entered", 0) + state.counters.get("exited", 0)


def _moving(mall: Mall) -> dict[str, object]:
    traffic, queues, state = mall.camera.cars.traffic, mall.camera.queues(), mall.state()
    undelivered = state.counters.get("emitted", 0) - mall.stats().lines
    return {
        "in RabbitMQ": queues.work,
        "dead letters to come": max(0, traffic.refused - queues.dead),
        "not recorded": traffic.sightings - recorded(state),
        "lag": state.lag,
        "pending": state.pending,
        "in the outbox": state.outbox_depth,
        "not delivered": max(0, undelivered),
        "parked": state.parked,
    }


def _unequal(mall: Mall) -> list[str]:
    counters = mall.state().counters
    lines = equations(
        mall.camera.cars.traffic.published,
        tally(mall.summary_file),
        waiting=mall.camera.queues().work,
        emitted=counters.get("emitted", 0),
        recorded=(counters.get("entered", 0), counters.get("exited", 0)),
        dead=mall.camera.queues().dead,
    )
    return [f"{line.says}: {line.left:,} and {line.right:,}" for line in lines if not line.holds]


def _wrong_visits(mall: Mall) -> list[str]:
    traffic = mall.camera.cars.traffic
    current: dict[str, Summary] = {}
    for raw in mall.summary_file.read_bytes().splitlines():
        try:
            one = msgspec.json.decode(raw, type=Summary)
        except UNREADABLE:
            continue  # The account has counted it as torn.
        if one.visit_id not in current or current[one.visit_id].revision < one.revision:
            current[one.visit_id] = one
    standing = [one for one in current.values() if one.outcome is not Outcome.RETRACTED]
    return [*_wrong_exits(standing, traffic), *_wrong_entries(standing, traffic)]


def _wrong_exits(standing: list[Summary], traffic: Traffic) -> list[str]:
    found = {one.exit_event_id: Expected(one.outcome, one.entry_event_id, one.vehicle_plate) for one in standing}
    wrong = [id_ for id_, expected in traffic.exits.items() if found.get(id_) != expected]
    return [f"exit {id_} is {found.get(id_)}, not {traffic.exits[id_]}" for id_ in wrong[:NAMED_MAX]]


def _wrong_entries(standing: list[Summary], traffic: Traffic) -> list[str]:
    missed = {one.entry_event_id for one in standing if one.outcome is Outcome.EXIT_MISSED}
    wrong = sorted(traffic.exits_missed - missed)
    return [f"entry {id_} is in no visit whose exit was missed" for id_ in wrong[:NAMED_MAX]]
