"""From the outbox to the summary API: natural batches, tried until each summary is kept or parked."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Protocol, TypeVar

from parkstream_events.summaries import ItemResult
from parkstream_events.units import SECOND_US
from parkstream_service.lifecycle import asked_to_stop
from parkstream_service.retry import OnRetry, retried
from parkstream_telemetry import Stage, Telemetry, names

from parkstream_backend.deliver.batch import KEPT, Entry, Parcel
from parkstream_backend.deliver.breaker import Breaker, BreakerState
from parkstream_backend.deliver.summary_client import ForbiddenError, PostError, RefusedError, UnavailableError

BATCH_MAX: Final = 100
IN_FLIGHT_MAX: Final = 4
BLOCK_MS: Final = 1_000
CLAIM_IDLE_MS: Final = 7_500
"""After how long the entries of a consumer that says nothing are another's; longer than any try."""
CLAIM_EVERY_SECONDS: Final = 2.0
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

    async def settle(self, ids: Sequence[str]) -> object:
        """Remove what was kept."""
        ...

    async def park(self, id_: str, item: bytes, problem: str) -> object:
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

    def __init__(  # noqa: PLR0913, PLR0917 - what it is made of
        self,
        outbox: Waiting,
        server: Server,
        breaker: Breaker,
        telemetry: Telemetry,
        consumer: str,
        on_retry: OnRetry,
    ) -> None:
        self._outbox = outbox
        self._server = server
        self._breaker = breaker
        self._telemetry = telemetry
        self._consumer = consumer
        self._on_retry = on_retry
        telemetry.watch(names.BREAKER_OPEN, lambda: breaker.state is not BreakerState.CLOSED)

    async def run(self) -> None:
        """Deliver for ever; ends only with an error that is not the server's."""
        async with asyncio.TaskGroup() as group:
            for number in range(IN_FLIGHT_MAX):
                group.create_task(self._work(f"{self._consumer}-{number}"))
            group.create_task(self._take_over())

    async def _work(self, consumer: str) -> None:
        while not asked_to_stop():
            if entries := await self._patiently(lambda: self._outbox.take(consumer, BATCH_MAX, BLOCK_MS)):
                await self.deliver(entries)

    async def _take_over(self) -> None:
        """Deliver what consumers that died have left."""
        consumer = f"{self._consumer}-heir"
        while not asked_to_stop():
            while entries := await self._patiently(lambda: self._outbox.claim(consumer, CLAIM_IDLE_MS, BATCH_MAX)):
                await self.deliver(entries)
            await asyncio.sleep(CLAIM_EVERY_SECONDS)

    async def deliver(self, entries: Sequence[Entry]) -> None:
        """Post *entries* until each is kept or parked."""
        parcel = Parcel.of(entries, self._telemetry, self._server.address)
        now_us = parcel.started_ns // 1_000
        for entry in entries:
            seconds = (now_us - entry.projected_at_us) / SECOND_US
            self._telemetry.latency.record(Stage.PROJECT_TO_DELIVER, seconds)
        try:
            await self._deliver(parcel)
        except BaseException as error:
            parcel.given_up(error)  # Whoever takes the entries over delivers under spans of its own.
            raise

    async def _deliver(self, parcel: Parcel) -> None:
        """Post *parcel*; one that is refused whole is halved to find the culprit."""
        try:
            results = await self._post(parcel)
        except RefusedError as error:
            if len(parcel.entries) == 1:
                parcel.given_up(error, error.status_code)
                await self._park(parcel.entries[0], error.problem)
                return
            for half in parcel.halves():
                await self._deliver(half)
        else:
            parcel.answered(results)
            await self._settle(parcel.entries, results)

    async def _post(self, parcel: Parcel) -> list[ItemResult]:
        async def post() -> list[ItemResult]:
            await self._breaker.admitted()
            return await self._try(parcel)

        return await retried(post, when=_backoff, most_seconds=1.0)

    async def _try(self, parcel: Parcel) -> list[ItemResult]:
        self._telemetry.record(names.DELIVERY_SIZE, len(parcel.items))
        try:
            results = await self._server.post(parcel.items, parcel.traceparent, parcel.started_ns // 1_000)
        except RefusedError:
            self._breaker.succeeded()  # It is there, and it answers.
            raise
        except ForbiddenError as error:
            parcel.failed(error)
            self._breaker.failed(error.problem, at_once=True, pause_seconds=FORBIDDEN_PAUSE_SECONDS)
            raise
        except UnavailableError as error:
            parcel.failed(error)
            self._breaker.failed(error.problem, pause_seconds=error.retry_after_seconds)
            raise
        except BaseException:
            self._breaker.released()
            raise
        self._breaker.succeeded()
        return results

    async def _settle(self, entries: Sequence[Entry], results: list[ItemResult]) -> None:
        kept: list[str] = []
        for entry, result in zip(entries, results, strict=True):
            self._telemetry.add(names.DELIVERED, status=result.status.value)
            if result.status in KEPT:
                kept.append(entry.id)
            else:
                await self._park(entry, f"{result.status.value}: {result.problem or ''}")
        if kept:
            await self._patiently(lambda: self._outbox.settle(kept))

    async def _patiently(self, call: Callable[[], Awaitable[ResultT]]) -> ResultT:
        return await retried(call, on_retry=self._on_retry)

    async def _park(self, entry: Entry, problem: str) -> None:
        await self._patiently(lambda: self._outbox.park(entry.id, entry.item, problem))
        self._telemetry.log(names.EVENT_PARKED, outbox_id=entry.id, problem=problem)


def _backoff(error: Exception) -> bool | float:
    """Tell whether to try again, and when the server has said so, how long to wait."""
    if isinstance(error, UnavailableError) and error.retry_after_seconds > 0:
        return error.retry_after_seconds
    return isinstance(error, PostError) and not isinstance(error, RefusedError)
