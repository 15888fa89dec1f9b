"""What the services, RabbitMQ and Redis would send of that half hour: spans, and metrics as SigNoz keeps them."""

from bisect import bisect_right
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from itertools import accumulate, count, pairwise
from math import inf
from typing import Any

import mall_account as mall
from aggregations import Sample
from parkstream_events import topology
from parkstream_telemetry import names
from parkstream_telemetry.received_span import ReceivedSpan

START = datetime(2026, 11, 29, 12, tzinfo=UTC)
START_US = int(START.timestamp()) * 1_000_000
EXPORT_SECONDS, SCRAPE_SECONDS, QUEUE_SECONDS = 10, 15, 5
BACKEND, API = "parkstream-backend", "parkstream-summary-api"
ENTRIES = f"{topology.EVENTS_EXCHANGE}:{topology.ENTERED_KEY}:{topology.ENTRIES_QUEUE}"
EXITS = f"{topology.EVENTS_EXCHANGE}:{topology.EXITED_KEY}:{topology.EXITS_QUEUE}"
PUBLISH_EXIT = f"publish {topology.EVENTS_EXCHANGE}:{topology.EXITED_KEY}"
COPIES = f"{topology.EVENTS_EXCHANGE}:{topology.ENTERED_KEY}:{topology.SEEN_ENTERING_QUEUE}"
COMMIT_SIZES, COMMIT_SECONDS, STAYS = (1, 1, 1, 3), (0.003, 0.004, 0.02), (400.0, 1_000.0, 5_000.0)
"""Each second has one of these, in turn."""


Function = Callable[[float], float | None]
"""None where nothing is sent."""
Series = tuple[str, dict[str, str], Function]


def by(attribute: Any, value: str) -> dict[str, str]:
    return {attribute.name: value}


def gauges() -> Iterator[Series]:
    """Yield what the services report as it is."""
    yield names.CARS_INSIDE.name, {}, mall.inside
    yield names.CARS_PARKED.name, {}, mall.inside
    yield names.VISITS_PENDING.name, {}, mall.pending
    yield names.PROJECTION_LAG.name, {}, mall.lag
    yield names.DEAD_LETTERS_WAITING.name, {}, mall.stuck
    yield names.RABBITMQ_NODES_AWAY.name, {}, mall.nodes_away
    yield names.DEAD_LETTERS_WAITING_AGE.name, {}, mall.stuck_seconds
    yield names.UNSAFE.name, {}, mall.unsafe
    yield names.ACCESS_PROBLEM.name, {}, mall.access_problem
    yield names.LOG_REFUSED.name, {}, mall.log_refused
    yield names.REPLICAS_IN_STEP.name, {}, lambda t: 2 - mall.replicas_missing(t)
    yield names.REPLICAS_MISSING.name, {}, mall.replicas_missing
    yield names.PAUSED.name, {}, mall.paused
    yield names.DELIVERY_FAILING.name, {}, mall.delivery_failing
    yield names.OUTBOX_DEPTH.name, {}, lambda t: len(mall.undelivered(t))
    yield names.OUTBOX_AGE.name, {}, mall.oldest_seconds
    yield names.OUTBOX_PARKED.name, {}, lambda _: 0
    yield names.RECORDS_UNREADABLE.name, {}, lambda _: 0
    yield names.LOG_POSITION.name, {}, lambda t: 2 * mall.recorded(t)
    yield names.LOG_LENGTH.name, {}, lambda t: 2 * mall.recorded(t)
    yield names.VIEWERS.name, {}, lambda t: 2 + t // 300
    yield names.MEMORY_SHARE.name, {}, lambda t: 0.1 + t / 36_000
    yield names.VISITS_MATCHED.name, {}, lambda t: 0.6 if int(t) in mall.GAP[:30] else 0.8
    yield names.MATCHED_SHARE.name, {}, lambda _: 0.8
    for reason in ("too_late", "too_many"):
        yield names.SIGHTINGS_IGNORED.name, by(names.ATTRIBUTE_REASON, reason), partial(mall.ignored, reason)
    for direction in mall.BEHIND:
        where = by(names.ATTRIBUTE_DIRECTION, direction) | by(names.ATTRIBUTE_GATE, "north")
        yield names.GATE_DELAY.name, where, partial(mall.gate_delay, direction)


def counters() -> Iterator[Series]:
    """Yield what the services count; every known value of a label begins at 0."""
    yield names.RECORDS.name, by(names.ATTRIBUTE_OUTCOME, "appended"), lambda t: 2 * mall.recorded(t)
    yield names.RECORDS.name, by(names.ATTRIBUTE_OUTCOME, "duplicate"), lambda _: 0
    yield names.SUMMARIES.name, by(names.ATTRIBUTE_STATUS, "written"), mall.written
    yield names.DELIVERED.name, by(names.ATTRIBUTE_STATUS, "written"), mall.written
    for outcome, gate in (("entered", "north"), ("matched", "east")):
        yield names.PUBLISHED.name, by(names.ATTRIBUTE_OUTCOME, outcome) | by(names.ATTRIBUTE_GATE, gate), mall.entered
    yield names.VISITS.name, by(names.ATTRIBUTE_OUTCOME, "completed"), mall.written
    yield names.CLOCK_STEPS.name, {}, mall.clock_steps
    yield names.DECISIONS.name, by(names.ATTRIBUTE_REASON, "silence"), lambda t: t // 120
    for reason in ("head_size", "head_time", "malformed", "wrong_credential"):
        yield names.HTTP_REFUSED.name, by(names.ATTRIBUTE_REASON, reason), _http_refused(reason)
    for reason in ("redis", "summary_api"):
        yield names.LOOKS_FAILED.name, by(names.ATTRIBUTE_REASON, reason), partial(mall.look_failed, reason=reason)
    yield names.QUESTIONS_REFUSED.name, {}, mall.questions_refused
    for reason in ("not_json", "unknown_version", "too_large"):
        yield names.DEAD_LETTERS.name, by(names.ATTRIBUTE_REASON, reason), _refused(reason)
    refused = mall.refused
    yield names.CONSUMED_MESSAGES.name, by(names.ATTRIBUTE_DESTINATION, ENTRIES), mall.recorded
    yield names.CONSUMED_MESSAGES.name, by(names.ATTRIBUTE_DESTINATION, EXITS), lambda t: mall.recorded(t) + refused(t)
    yield names.CONSUMED_MESSAGES.name, by(names.ATTRIBUTE_DESTINATION, COPIES), mall.entered


def _http_refused(reason: str) -> Function:
    return lambda t: mall.http_refused(t, reason)


def _refused(reason: str) -> Function:
    return lambda t: mall.refused(t, reason)


def broker() -> Iterator[Series]:
    """Yield what RabbitMQ and Redis report of themselves."""
    published: Function = lambda t: 2 * mall.entered(t) + 2 * mall.refused(t)  # noqa: E731 - a figure
    yield "rabbitmq_global_messages_received_total", {}, published
    yield "rabbitmq_global_messages_confirmed_total", {}, published
    yield "rabbitmq_global_messages_redelivered_total", {}, lambda _: 0
    yield "rabbitmq_global_messages_unroutable_returned_total", {}, lambda _: 0
    yield "rabbitmq_process_resident_memory_bytes", {}, lambda t: 1e8 + t
    yield "rabbitmq_disk_space_available_bytes", {}, lambda t: 5e10 - t
    yield "redis.memory.used", {}, lambda t: 1e6 + 900 * 2 * mall.recorded(t)


def queues() -> Iterator[Series]:
    """Yield what RabbitMQ reports per queue."""
    ready = "rabbitmq_detailed_queue_messages_ready"
    for queue in (topology.ENTRIES_QUEUE, topology.EXITS_QUEUE):
        yield ready, {"queue": queue}, mall.waiting_in_queue
        yield "rabbitmq_detailed_queue_messages_unacked", {"queue": queue}, lambda t: 0 if mall.paused(t) else 1
        yield "rabbitmq_detailed_queue_consumers", {"queue": queue}, lambda t: 0 if 1740 <= t < 1755 else 1
    yield ready, {"queue": topology.DEAD_LETTERS_QUEUE}, mall.refused


def histograms() -> Iterator[tuple[str, tuple[float, ...], list[tuple[float, float]]]]:
    """Yield histograms: name, bounds, and the samples with their times."""
    every = [float(t) for t in filter(mall.traffic, range(mall.SECONDS))]
    turn = {t: number for number, t in enumerate(every)}
    yield (
        names.COMMIT_SIZE.name,
        names.COMMIT_SIZE.buckets,
        [(t, COMMIT_SIZES[turn[t] % len(COMMIT_SIZES)]) for t in every],
    )
    for metric, values in (
        (names.COMMIT_DURATION, COMMIT_SECONDS),
        (names.REPLICAS_WAIT, COMMIT_SECONDS),
        (names.SYNC_DURATION, COMMIT_SECONDS),
    ):
        yield metric.name, metric.buckets, [(t, values[turn[t] % len(values)]) for t in every]
    yield names.DWELL.name, names.DWELL.buckets, [(t, STAYS[turn[t] % len(STAYS)]) for t in every]
    waits = [(one.recorded, one.recorded - one.at) for one in mall.EXITS]
    yield names.QUEUE_WAIT.name, names.QUEUE_WAIT.buckets, waits


def parts() -> Iterator[Series]:
    """Yield the histograms as the series that SigNoz makes of each: cumulative buckets, sum and count."""
    for name, bounds, samples in histograms():
        for bound in (*bounds, inf):
            yield f"{name}.bucket", {"le": "+Inf" if bound == inf else f"{bound:g}"}, _counted(samples, bound)
        yield f"{name}.count", {}, _counted(samples, inf)
        yield f"{name}.sum", {}, _summed(samples)


def _counted(samples: list[tuple[float, float]], bound: float) -> Function:
    times = sorted(at for at, value in samples if value <= bound)
    return lambda t: bisect_right(times, t)


def _summed(samples: list[tuple[float, float]]) -> Function:
    ordered = sorted(samples)
    times, sums = [at for at, _ in ordered], [0.0, *accumulate(value for _, value in ordered)]
    return lambda t: sums[bisect_right(times, t)]


def samples() -> list[Sample]:
    """Return every point that was sent."""
    every = {EXPORT_SECONDS: [gauges, counters, parts], SCRAPE_SECONDS: [broker], QUEUE_SECONDS: [queues]}
    return [
        Sample(name, labels, at, value)
        for seconds, sources in every.items()
        for source in sources
        for name, labels, function in source()
        for at in range(3, mall.SECONDS, seconds)
        if (value := function(at)) is not None
    ]


class Traces:
    """Makes the spans of the half hour."""

    def __init__(self) -> None:
        self._ids = count(1)
        self.spans: list[ReceivedSpan] = []

    def run(self) -> list[ReceivedSpan]:
        """Return them all."""
        for number, one in enumerate(mall.EXITS):
            self._exit(f"{number + 1:032x}", one)
        self._replay()
        return self.spans

    def _exit(self, trace: str, one: mall.Exit) -> None:
        publish = self._span(trace, "", "parkstream-exit-generator", PUBLISH_EXIT, one.at, 0.001, "PRODUCER")
        process = self._span(trace, publish, BACKEND, f"process {EXITS}", one.recorded, 0.002, "CONSUMER")
        project = self._span(trace, process, BACKEND, "project", one.projected, 0.001)
        failed = range(int(one.projected) + 5, mall.AWAY.stop, 20) if one.written - one.projected > 1 else range(0)
        for at in failed:  # Whoever delivers takes the oldest each time: half of the attempts are claimed twice.
            for later in (0.0, 0.25) if at % 2 else (0.0,):
                self._span(trace, project, BACKEND, "deliver", at + later, 0.5, "CLIENT", status="ERROR")
        deliver = self._span(trace, project, BACKEND, "deliver", one.written - 0.003, 0.004, "CLIENT")
        post = self._span(trace, deliver, API, "POST /v1/summaries", one.written - 0.002, 0.002, "SERVER")
        attributes = {"parking.pending": one.held, "parking.e2e.duration_ms": one.e2e_ms}
        attributes |= {"parking.visit.id": f"visit-{one.at}", "parking.outcome": "completed"}
        self._span(trace, post, API, "write", one.written - 0.001, 0.001, attributes=attributes)

    def _replay(self) -> None:
        trace = f"{1 << 100:032x}"
        replay = self._span(trace, "", "parkstream-cli", "replay", mall.REPLAY, 60.0)
        for part in range(6):
            at = mall.REPLAY + 10 * part
            self._span(trace, replay, "parkstream-cli", "replay records", at, 10.0, status="ERROR" if part else "UNSET")

    def _span(  # noqa: PLR0913, PLR0917 - what a span has
        self,
        trace: str,
        parent: str,
        service: str,
        name: str,
        at: float,
        seconds: float,
        kind: str = "INTERNAL",
        *,
        status: str = "UNSET",
        attributes: dict[str, Any] | None = None,
    ) -> str:
        span_id = f"{next(self._ids):016x}"
        start_us = START_US + round(at * 1e6)
        end_us = start_us + round(seconds * 1e6)
        told = attributes or {}
        self.spans.append(
            ReceivedSpan(trace, span_id, parent, service, name, kind, start_us, end_us, status, told, [], [])
        )
        return span_id


def minute(span: ReceivedSpan) -> int:
    """Return the second that the minute of *span* begins with."""
    return (span.start_us - START_US) // 60_000_000 * 60


def minutes() -> list[tuple[int, int]]:
    """Return the first and the last second of every minute."""
    return [(start, stop) for start, stop in pairwise(range(0, mall.SECONDS + 1, 60))]
