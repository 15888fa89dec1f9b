"""From the outbox to the summary API: natural batches, tried until each summary is kept or parked."""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Final, Protocol, TypeVar

from parkstream_events.summaries import ItemResult
from parkstream_events.units import SECOND_US
from parkstream_projection import Entry
from parkstream_service.lifecycle import asked_to_stop
from parkstream_service.retry import OnRetry, retried
from parkstream_telemetry import Link, Span, Stage, Telemetry, end, names

from parkstream_backend.deliver.batch import KEPT, DeliveryBatch
from parkstream_backend.deliver.summary_client import ForbiddenError, PostError, RefusedError, UnavailableError

BATCH_MAX: Final = 100
IN_FLIGHT_MAX: Final = 4
BLOCK_MS: Final = 1_000
CLAIM_IDLE_MS: Final = 7_500
"""After how long the entries of a consumer that does not renew its claim are another's."""
RENEW_EVERY_SECONDS: Final = 2.0
"""Often enough that a claim is renewed while the server is away, however long that takes."""
CLAIM_EVERY_SECONDS: Final = 2.0
CONSUMER_IDLE_MS: Final = 60_000
"""After how long without a call a consumer that holds nothing has ended: a live one calls every second or two."""
FORBIDDEN_PAUSE_SECONDS: Final = 5.0

ResultT = TypeVar("ResultT")


class Waiting(Protocol):
    """The outbox, as far as it is needed here."""

    async def take(self, consumer: str, count: int, block_ms: int) -> Sequence[Entry]:
        """Return what nobody has taken yet."""
        ...

    async def claim(self, consumer: str, min_idle_ms: int, count: int) -> Sequence[Entry]:
        """Return what others took and left."""
        ...

    async def renew(self, consumer: str, ids: Sequence[str]) -> object:
        """Keep what *consumer* took from being claimed by others."""
        ...

    async def forget_consumers(self, idle_ms: int) -> int:
        """Remove consumers that have ended and hold nothing."""
        ...

    async def settle(self, ids: Sequence[str]) -> object:
        """Remove what was kept."""
        ...

    async def park(self, entry: Entry, problem: str) -> object:
        """Set aside what was refused."""
        ...


class Server(Protocol):
    """The summary API."""

    address: tuple[str, int]

    async def post(
        self, items: Sequence[bytes], traceparent: str | None = None, sent_at_us: int | None = None
    ) -> list[ItemResult]:
        """Return one result per item, or raise ``PostError``."""
        ...


class Deliverer:
    """Delivers what *outbox* holds, as *consumer*, with a few POSTs in flight."""

    def __init__(
        self,
        outbox: Waiting,
        server: Server,
        telemetry: Telemetry,
        consumer: str,
        on_retry: OnRetry,
    ) -> None:
        self._outbox = outbox
        self._server = server
        self._telemetry = telemetry
        self._consumer = consumer
        self._on_retry = on_retry
        self._in_hand: dict[str, list[str]] = {}
        self._failing = False
        telemetry.watch(names.DELIVERY_FAILING, lambda: self._failing)

    async def run(self) -> None:
        """Deliver for ever; ends only with an error that is not the server's."""
        async with asyncio.TaskGroup() as group:
            for number in range(IN_FLIGHT_MAX):
                group.create_task(self._work(f"{self._consumer}-{number}"))
            group.create_task(self._claim(f"{self._consumer}-claimer"))
            group.create_task(self._renew_claims())

    async def _work(self, consumer: str) -> None:
        while not asked_to_stop():
            if entries := await self._retried(lambda: self._outbox.take(consumer, BATCH_MAX, BLOCK_MS)):
                await self._deliver_as(consumer, entries)

    async def _claim(self, consumer: str) -> None:
        """Deliver what consumers that died have left, and forget those that left nothing."""
        while not asked_to_stop():
            while entries := await self._retried(lambda: self._outbox.claim(consumer, CLAIM_IDLE_MS, BATCH_MAX)):
                await self._deliver_as(consumer, entries)
            await self._retried(lambda: self._outbox.forget_consumers(CONSUMER_IDLE_MS))
            await asyncio.sleep(CLAIM_EVERY_SECONDS)

    async def _renew_claims(self) -> None:
        """Renew the claims of all that is in hand: what waits for the server is delivered once, by who took it."""
        while not asked_to_stop():
            await asyncio.sleep(RENEW_EVERY_SECONDS)
            for consumer in list(self._in_hand):
                await self._retried(partial(self._renew, consumer))

    async def _renew(self, consumer: str) -> None:
        if ids := self._in_hand.get(consumer):
            await self._outbox.renew(consumer, ids)

    async def _deliver_as(self, consumer: str, entries: Sequence[Entry]) -> None:
        self._in_hand[consumer] = [entry.id for entry in entries]
        try:
            await self.deliver(entries)
        finally:
            del self._in_hand[consumer]

    async def deliver(self, entries: Sequence[Entry]) -> None:
        """Post *entries* until each is kept or parked."""
        batch = DeliveryBatch.of(entries, self._telemetry, self._server.address)
        now_us = batch.started_ns // 1_000
        for entry in entries:
            seconds = (now_us - entry.projected_at_us) / SECOND_US
            self._telemetry.latency.record(Stage.PROJECT_TO_DELIVER, seconds)
        try:
            await self._deliver(batch)
        except BaseException as error:
            batch.abandoned(error)  # Whoever claims the entries delivers under spans of its own.
            raise

    async def _deliver(self, batch: DeliveryBatch) -> None:
        """Post *batch*; one that is refused whole is halved to find the culprit."""
        try:
            results = await self._post(batch)
        except RefusedError as error:
            if len(batch.entries) == 1:
                batch.abandoned(error, error.status_code)
                await self._park(batch.entries[0], error.problem, error.public, batch.spans)
                return
            for half in batch.halves():
                await self._deliver(half)
        else:
            batch.answered(results)
            await self._settle(batch, results)

    async def _post(self, batch: DeliveryBatch) -> list[ItemResult]:
        return await retried(lambda: self._try(batch), when=_backoff, first_seconds=0.1)

    async def _try(self, batch: DeliveryBatch) -> list[ItemResult]:
        self._telemetry.record(names.DELIVERY_SIZE, len(batch.items))
        started_ns = time.time_ns()
        try:
            results = await self._server.post(batch.items, batch.traceparent, batch.started_ns // 1_000)
            batch.check(results)
        except RefusedError:
            self._came_of("refused")
            raise
        except PostError as error:
            batch.failed(error)
            self._end_attempt(batch, error, started_ns)
            self._came_of("forbidden" if isinstance(error, ForbiddenError) else "unavailable", error.public)
            raise
        self._came_of("answered")
        return results

    def _came_of(self, outcome: str, problem: str = "") -> None:
        """Count an attempt, and log when the server has just gone or come back."""
        self._telemetry.add(names.DELIVERY_ATTEMPTS, outcome=outcome)
        if problem and not self._failing:
            self._telemetry.log(names.EVENT_DELIVERY_FAILING, problem=problem)
        if self._failing and not problem:
            self._telemetry.log(names.EVENT_DELIVERY_RESUMED)
        self._failing = bool(problem)

    def _end_attempt(self, batch: DeliveryBatch, error: PostError, started_ns: int) -> None:
        """Leave a span with *error* at once: those of the summaries end when the server is back."""
        if not batch.spans:
            return
        alone = batch.spans[0] if len(batch.spans) == 1 else None
        links = () if alone else [Link(span.get_span_context()) for span in batch.spans]
        attempt = self._telemetry.steps.attempt(
            alone,
            server=self._server.address,
            started_ns=started_ns,
            links=links,
            batch_count=len(batch.items),
            resend_count=batch.resends,
        )
        end(attempt, error=error, status_code=error.status_code)

    async def _settle(self, batch: DeliveryBatch, results: list[ItemResult]) -> None:
        kept: list[str] = []
        for status, count in Counter(result.status for result in results).items():
            self._telemetry.add(names.DELIVERED, count, status=status.value)
        for number, (entry, result) in enumerate(zip(batch.entries, results, strict=True)):
            if result.status in KEPT:
                kept.append(entry.id)
            else:
                why = result.status.value
                await self._park(entry, f"{why}: {result.problem or ''}", why, batch.spans[number : number + 1])
        if kept:
            await self._retried(lambda: self._outbox.settle(kept))

    async def _retried(self, call: Callable[[], Awaitable[ResultT]]) -> ResultT:
        return await retried(call, on_retry=self._on_retry)

    async def _park(self, entry: Entry, problem: str, public: str, spans: Sequence[Span]) -> None:
        """Park *entry* with *problem*; *public* is what may leave of that."""
        await self._retried(lambda: self._outbox.park(entry, problem))
        self._telemetry.log(names.EVENT_PARKED, span=spans[0] if spans else None, outbox_id=entry.id, problem=public)


def _backoff(error: Exception) -> bool | float:
    """Return whether to try again, or how many seconds to wait: what the server asks for, or until a token is set."""
    if isinstance(error, ForbiddenError):
        return FORBIDDEN_PAUSE_SECONDS
    if isinstance(error, UnavailableError) and error.retry_after_seconds > 0:
        return error.retry_after_seconds
    return isinstance(error, PostError) and not isinstance(error, RefusedError)
