"""A mall with a dozen sightings, one of each kind that the tools of the log tell about."""

import json
from datetime import timedelta
from typing import Any

import aio_pika
from backend_sightings import entry, exit_, now, publish_entry, publish_exit
from eventlog_stores import NewLog
from parkstream_eventlog import Candidate
from parkstream_events import topology
from parkstream_events.keys import BackendKeys
from parkstream_events.log_schema import LOG_SCHEMA
from parkstream_events.sightings import microseconds
from parkstream_service.redis import connect
from pipeline import Pipeline, post

MINUTE = timedelta(minutes=1)


class SmallMall:
    """Cars at *pipeline*'s cameras; every step waits until the pipeline has taken it in."""

    def __init__(self, pipeline: Pipeline) -> None:
        self.pipeline = pipeline
        self._begin = now() - timedelta(hours=2)
        self._sightings = 0

    async def live(self) -> None:
        """Let everything happen."""
        connection = await aio_pika.connect(self.pipeline.rabbitmq_url)
        async with connection, await connection.channel(on_return_raises=True) as channel:
            self._exchange = await channel.get_exchange(topology.EVENTS_EXCHANGE)
            await self._enters("in-1", "BK1234", 0, gate="north")
            await self._leaves("out-1", "BK1234", 75, gate="north")
            await self._enters("in-2", "DU11", 10)
            await self._enters("in-3", "DU11", 10.01)
            await self._leaves("out-2", "DU11", 50)
            await self._comes_late()
            await self._is_refused()
            await self._enters("in-5", "AB1", 100)
            await publish_entry(self._exchange, b'{"id": "in-6", "vehicle_plate": "QQ7"}', message_id="in-6")
            await self._settled()  # What is appended past the backend would be faster.
            await self._append_unreadable()
            await self._settled()

    async def _comes_late(self) -> None:
        """An exit is summarised without its entry, which is recorded afterwards; another's entry never is."""
        await self._leaves("out-3", "ML77", 90)
        await self._leaves("out-4", "XY9", 91)
        await self._settled()
        await self._enters("in-4", "ML77", 30)

    async def _is_refused(self) -> None:
        """The server has the visit of a car already, and otherwise."""
        url = f"{self.pipeline.api.url}/v1/summaries"
        post(url, {**CONTRADICTION, "exit_date_time": (self._begin + 95 * MINUTE).isoformat()})
        await self._leaves("out-5", "PK5", 96)
        await self._settled()

    async def _enters(self, id_: str, plate: str, minute: float, **more: Any) -> None:
        body = entry(id_, plate, self._begin + minute * MINUTE, **more)
        await publish_entry(self._exchange, body, message_id=id_, headers=self._traced())

    async def _leaves(self, id_: str, plate: str, minute: float, **more: Any) -> None:
        await self._settled()
        body = exit_(id_, plate, self._begin + minute * MINUTE, **more)
        await publish_exit(self._exchange, body, message_id=id_, headers=self._traced())

    def _traced(self) -> dict[str, str]:
        self._sightings += 1
        return {topology.TRACEPARENT_HEADER: f"00-{self._sightings:032x}-{self._sightings:016x}-01"}

    async def _append_unreadable(self) -> None:
        """A camera's program of next year writes a version that nobody reads yet."""
        redis = connect(self.pipeline.environ["PARKSTREAM_REDIS_URL"])
        log = NewLog(redis, BackendKeys(self.pipeline.environ["PARKSTREAM_MALL"]), LOG_SCHEMA)
        body = json.dumps({"id": "in-7", "plate": "NX8", "at": now().isoformat()}).encode()
        await log.append([Candidate("vehicle.entered.v99", "in-7", body, microseconds(now()), "entry")])
        await redis.aclose()

    async def _settled(self) -> None:
        """Wait until all that was published is recorded and projected, nothing is held, and nothing on its way."""
        await self.pipeline.until(self._is_settled)

    def _is_settled(self) -> bool:
        state = self.pipeline.state()
        seen = state["counters"]["entered"] + state["counters"]["exited"]
        return seen == self._sightings and not (state["lag"] or state["pending"] or state["outbox_depth"])


CONTRADICTION = {
    "visit_id": "exit:out-5",
    "revision": 1,
    "outcome": "entry_missed",
    "vehicle_plate": "PK5",
    "entry_date_time": None,
    "duration": None,
    "duration_ms": None,
    "entry_event_id": None,
    "exit_event_id": "out-5",
    "position": 1,
}
