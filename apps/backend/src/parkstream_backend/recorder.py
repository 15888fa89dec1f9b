"""What becomes of a delivery.

| what came                     | what is done                                                        |
|-------------------------------|---------------------------------------------------------------------|
| a sighting, new or known      | recorded (once), then acknowledged                                  |
| an invalid message            | a dead letter with the reason, confirmed, then acknowledged         |
| Redis or RabbitMQ is away     | the same call again until it passes; the message waits, unsettled   |
| anything else                 | the process ends: a supervisor, or another backend, takes over      |
"""

import re
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from aio_pika.abc import AbstractIncomingMessage
from parkstream_eventlog import Appended, Candidate, Duplicate, IdConflict, Outcome, TooOld
from parkstream_events import topology
from parkstream_events.sightings import Sighting, microseconds, moment_of
from parkstream_events.summaries import TRACEPARENT
from parkstream_events.wire import Refusal, UnreadableError, type_of
from parkstream_telemetry import Stage, Telemetry, names

from parkstream_backend.acks import Acks
from parkstream_backend.dead_letters import DeadLetters
from parkstream_backend.pause import Gate

SECOND_US = 1_000_000
DAY_US = 86_400 * SECOND_US
PUBLISHED_AT_US_MAX = 2**53

_is_traceparent = re.compile(TRACEPARENT).match


class Records(Protocol):
    """Where sightings become durable: a ``GroupCommit``."""

    async def record(self, candidate: Candidate) -> Outcome:
        """Return when *candidate* is in the log, or will never be."""
        ...


class Recorder:
    """Settles every delivery, whatever it holds.

    *in_hand* counts those that are not settled, per queue; *failed* is told of an error that nobody expected.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - what it is made of
        self,
        records: Records,
        dead_letters: DeadLetters,
        acks: Acks,
        gate: Gate,
        in_hand: Counter[str],
        telemetry: Telemetry,
        failed: Callable[[Exception], None],
    ) -> None:
        self._records = records
        self._dead_letters = dead_letters
        self._acks = acks
        self._gate = gate
        self._in_hand = in_hand
        self._telemetry = telemetry
        self._failed = failed

    async def record(self, seen: Sighting | UnreadableError, message: AbstractIncomingMessage, queue: str) -> None:
        """Record what *message* from *queue* held, or refuse it; then acknowledge it."""
        self._in_hand[queue] += 1
        try:
            await self._settle(seen, message, queue)
        except Exception as error:
            self._failed(error)
            raise
        finally:
            self._in_hand[queue] -= 1

    async def _settle(self, seen: Sighting | UnreadableError, message: AbstractIncomingMessage, queue: str) -> None:
        if not self._gate.is_open and not await self._gate.opened():
            return
        refusal = seen if isinstance(seen, UnreadableError) else await self._append(seen, message)
        if refusal is not None:
            await self._dead_letters.publish(message, queue, refusal)
        assert message.delivery_tag is not None
        self._acks.settle(message.channel, message.delivery_tag)

    async def _append(self, sighting: Sighting, message: AbstractIncomingMessage) -> UnreadableError | None:
        candidate = candidate_of(sighting, message.body, message.headers)
        outcome = await self._records.record(candidate)
        match outcome:
            case Appended(recorded_at_us=recorded_at_us):
                self._appended(candidate, recorded_at_us)
            case Duplicate():
                self._telemetry.add(names.RECORDS, outcome="duplicate")
            case IdConflict() | TooOld():
                return refusal_of(outcome, candidate.id)
        return None

    def _appended(self, candidate: Candidate, recorded_at_us: int) -> None:
        self._telemetry.add(names.RECORDS, outcome="appended")
        if candidate.published_at_us is not None:
            seconds = (recorded_at_us - candidate.published_at_us) / SECOND_US
            self._telemetry.latency.record(Stage.PUBLISH_TO_RECORD, seconds)


def refusal_of(outcome: IdConflict | TooOld, id_: str) -> UnreadableError:
    """Return why a sighting that could be read is still no record."""
    match outcome:
        case IdConflict(position=position):
            detail = f"the record at position {position} has the same id, {id_[:80]!r}, and another body"
            return UnreadableError(Refusal.ID_CONFLICT, detail)
        case TooOld(oldest_day=day):
            oldest = moment_of(day * DAY_US).date()
            return UnreadableError(Refusal.TOO_OLD, f"ids are known for what happened on {oldest} or later")


def candidate_of(sighting: Sighting, body: bytes, headers: Mapping[str, Any]) -> Candidate:
    """Return what the log is asked to keep: the body as received, and what the headers say of its way here."""
    return Candidate(
        type_of(sighting),
        sighting.id,
        body,
        microseconds(sighting.happened_at),
        _published_at(headers.get(topology.PUBLISHED_AT_HEADER)),
        _traceparent(headers.get(topology.TRACEPARENT_HEADER)),
    )


def _published_at(value: object) -> int | None:
    """Return the header's value when it can be a time; a wrong header is no reason to refuse a sighting."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value < PUBLISHED_AT_US_MAX else None


def _traceparent(value: object) -> str | None:
    return value if isinstance(value, str) and _is_traceparent(value) else None
