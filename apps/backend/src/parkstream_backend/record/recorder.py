"""What becomes of a delivery.

| what came                     | what is done                                                        |
|-------------------------------|---------------------------------------------------------------------|
| a sighting, new or known      | recorded (once), then acknowledged                                  |
| a sighting of a newer version | back to its queue, where a newer backend takes it, if there was one |
| an invalid message            | a dead letter with the reason, confirmed, then acknowledged; what   |
|                               | cannot be published waits, and holds back nothing else              |
| Redis or RabbitMQ is away     | the same call again until it passes; the message waits, unsettled   |
| anything else                 | the process ends: a supervisor, or another backend, takes over      |
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, NamedTuple, Protocol

from opentelemetry.trace import Span
from parkstream_eventlog import Appended, Candidate, Duplicate, IdConflict, InFuture, Outcome, TooOld
from parkstream_events.sightings import GATE_LENGTH_MAX, moment_of
from parkstream_events.topology import TRACEPARENT_HEADER
from parkstream_events.units import DAY_US, SECOND_US
from parkstream_events.wire import Refusal, UnreadableError
from parkstream_messaging.batch_subscriber import Delivery
from parkstream_telemetry import Stage, Telemetry, names, traceparent_of, valid_traceparent
from parkstream_telemetry.steps import destination_of, end

from parkstream_backend.record.acks import Acks
from parkstream_backend.record.back_pressure import BackPressure
from parkstream_backend.record.dead_letters import DeadLetters
from parkstream_backend.record.decoder import Camera, candidate_of
from parkstream_backend.record.newer_versions import NewerVersions

OPERATION: Final = {"system": "rabbitmq", "operation": "process"}


class Records(Protocol):
    """Where sightings become durable: a ``GroupCommit``."""

    async def record_many(self, candidates: Sequence[Candidate]) -> list[Outcome]:
        """Return when *candidates* are in the log, or will never be."""
        ...


class Read(NamedTuple):
    """A delivery that holds a sighting."""

    delivery: Delivery
    candidate: Candidate
    span: Span
    plate: str
    gate: str


class Recorder:
    """Settles every delivery, whatever it holds; each is a ``process`` span, whose context goes into the log.

    *failed* is called with an error that nobody expected.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - what it is made of
        self,
        records: Records,
        dead_letters: DeadLetters,
        acks: Acks,
        back_pressure: BackPressure,
        telemetry: Telemetry,
        failed: Callable[[Exception], None],
        newer: NewerVersions | None = None,
    ) -> None:
        self._records = records
        self._dead_letters = dead_letters
        self._acks = acks
        self._back_pressure = back_pressure
        self._telemetry = telemetry
        self._failed = failed
        self._newer = newer or NewerVersions()
        self._refusing: set[asyncio.Task[None]] = set()

    async def record(self, deliveries: Sequence[Delivery], camera: Camera) -> None:
        """Record what *deliveries* from *camera* hold and acknowledge them; what must be refused is, meanwhile."""
        paths = Counter(map(camera.path_of, deliveries))
        counts = {destination_of(*path): count for path, count in paths.items()}
        self._delivered(counts)
        started, error_type = time.perf_counter(), None
        try:
            if not self._back_pressure.paused or await self._back_pressure.resumed():
                await self._append([one for one in map(self._reader(camera), deliveries) if one is not None], camera)
        except Exception as error:
            error_type = type(error).__qualname__
            self._failed(error)
            raise
        finally:
            self._processed(counts, time.perf_counter() - started, error_type)

    def expect(self, exchange: str, routing_key: str, queue: str) -> None:
        """Let the count of what is delivered along this path begin at 0."""
        self._delivered({destination_of(exchange, routing_key, queue): 0})

    def _delivered(self, counts: Mapping[str, int]) -> None:
        """Count deliveries by destination."""
        for destination, count in counts.items():
            self._telemetry.add(names.CONSUMED_MESSAGES, count, destination=destination, **OPERATION)

    def _processed(self, destinations: Iterable[str], seconds: float, error_type: str | None) -> None:
        """Count how long a batch took, which the conventions take for one operation."""
        labels = OPERATION if error_type is None else {**OPERATION, "error_type": error_type}
        for destination in destinations:
            self._telemetry.record(names.PROCESS_DURATION, seconds, destination=destination, **labels)

    def _reader(self, camera: Camera) -> Callable[[Delivery], Read | None]:
        def read(delivery: Delivery) -> Read | None:
            span = self._process(delivery, camera)
            try:
                sighting = camera.read(delivery)
            except UnreadableError as error:
                self._refuse(delivery, camera, error, span)
                return None
            traceparent = traceparent_of(span) or valid_traceparent(delivery.headers.get(TRACEPARENT_HEADER))
            candidate = candidate_of(sighting, camera.type_of(delivery), delivery, traceparent)
            gate = (sighting.gate or "")[:GATE_LENGTH_MAX]
            self._telemetry.public_gate(gate, sighting.vehicle_plate)  # Before the projection knows of it.
            return Read(delivery, candidate, span, sighting.vehicle_plate, gate)

        return read

    def _process(self, delivery: Delivery, camera: Camera) -> Span:
        return self._telemetry.steps.process(
            *camera.path_of(delivery),
            delivery.headers.get(TRACEPARENT_HEADER),
            body_size=len(delivery.body),
            redelivered=True if delivery.redelivered else None,
        )

    async def _append(self, read: list[Read], camera: Camera) -> None:
        if not read:
            return
        candidates = [one.candidate for one in read]
        self._waited(candidates)
        outcomes = await self._records.record_many(candidates)
        appended = duplicates = 0
        for one, outcome in zip(read, outcomes, strict=True):
            delivery, candidate = one.delivery, one.candidate
            match outcome:
                case Appended(position=position, recorded_at_us=recorded_at_us):
                    appended += 1
                    self._end(one, position, "appended")
                    if candidate.published_at_us is not None:
                        seconds = (recorded_at_us - candidate.published_at_us) / SECOND_US
                        self._telemetry.latency.record(Stage.PUBLISH_TO_RECORD, seconds)
                case Duplicate(position=position):
                    duplicates += 1
                    self._end(one, position, "duplicate")
                case IdConflict() | TooOld() | InFuture():
                    self._refuse(delivery, camera, refusal_of(outcome, candidate.id), one.span, one.plate)
                    continue
            self._acks.settle(delivery.channel, delivery.tag)
        self._count(appended, duplicates)

    def _end(self, read: Read, position: int, outcome: str) -> None:
        if self._telemetry.tracing:
            end(
                read.span,
                position=position,
                outcome=outcome,
                plate_hash=self._telemetry.hash_plate(read.plate),
                message_id=self._telemetry.public_id(read.candidate.id, read.plate),
                gate=self._telemetry.public_gate(read.gate) or None,
            )

    def _waited(self, candidates: list[Candidate]) -> None:
        """Count how long each was on its way here."""
        now_us = time.time_ns() // 1000
        for candidate in candidates:
            if candidate.published_at_us is not None:
                self._telemetry.record(names.QUEUE_WAIT, max(0, now_us - candidate.published_at_us) / SECOND_US)

    def _count(self, appended: int, duplicates: int) -> None:
        if appended:
            self._telemetry.add(names.RECORDS, appended, outcome="appended")
        if duplicates:
            self._telemetry.add(names.RECORDS, duplicates, outcome="duplicate")

    def _refuse(
        self, delivery: Delivery, camera: Camera, refusal: UnreadableError, span: Span, plate: str | None = None
    ) -> None:
        """Make a dead letter of *delivery*, or give it back; the rest of the queue does not wait for that."""
        if self._telemetry.tracing and delivery.message_id:
            id_ = self._telemetry.public_id(delivery.message_id, plate)
            span.set_attribute(names.ATTRIBUTE_MESSAGE_ID.name, id_)
        self._acks.hold(delivery.channel, delivery.tag)
        task = asyncio.create_task(self._bury(delivery, camera, refusal, span))
        self._refusing.add(task)
        task.add_done_callback(self._refusing.discard)

    async def _bury(self, delivery: Delivery, camera: Camera, refusal: UnreadableError, span: Span) -> None:
        try:
            if refusal.reason is Refusal.UNKNOWN_TYPE and await self._newer.takes(camera.type_of(delivery)):
                await self._acks.give_back(delivery.channel, delivery.tag)
                end(span, error=refusal, outcome="returned")
                return
            published = await self._dead_letters.publish(delivery, camera.queue, refusal, span)
        except Exception as error:  # noqa: BLE001 - handed over: the process ends
            end(span, error=error)
            self._failed(error)
            return
        end(span, error=refusal, outcome="refused")
        if published:
            self._acks.settle(delivery.channel, delivery.tag)


def refusal_of(outcome: IdConflict | TooOld | InFuture, id_: str) -> UnreadableError:
    """Return why a sighting that could be read is still no record."""
    match outcome:
        case IdConflict(position=position):
            detail = f"the record at position {position} has the same id and event time, {id_[:80]!r}, and another body"
            return UnreadableError(Refusal.ID_CONFLICT, detail, quotes=True)
        case TooOld(oldest_day=day):
            oldest = moment_of(day * DAY_US).date()
            return UnreadableError(Refusal.TOO_OLD, f"ids are known for what happened on {oldest} or later")
        case InFuture(latest_us=latest_us):
            latest = moment_of(latest_us).isoformat(timespec="seconds")
            return UnreadableError(Refusal.IN_FUTURE, f"nothing is believed that is dated after {latest}")
