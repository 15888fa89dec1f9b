"""A run of the whole system in which everything happens that telemetry has a name for."""

import asyncio
import contextlib
import re
import resource
import secrets
from datetime import timedelta
from http import HTTPStatus
from pathlib import Path
from urllib.error import HTTPError

from attacks import said_to, status_of
from backend_sightings import now, poison, publish_entry
from command_line import CommandLine
from generator_client import finished, reached
from parkstream_devtools import RabbitServer, RedisServer, ServiceProcess
from parkstream_devtools.faults import Emptied, Weakened
from parkstream_eventlog import RedisLog
from parkstream_events.keys import BackendKeys, Database, EntryGeneratorKeys
from parkstream_events.log_schema import LOG_SCHEMA
from parkstream_events.sightings import microseconds
from parkstream_events.summaries import Summary
from parkstream_events.wire import encode
from parkstream_service.redis import connect
from redis.exceptions import RedisError
from summary_items import body, item
from traces import Camera, Traced, id_of, post, read, until

HOUR = timedelta(hours=1)
OUTBOX_MAX = 5
GENERATOR = {
    "PARKSTREAM_RATE": "60",
    "PARKSTREAM_GATES": "north,south",
    "PARKSTREAM_DWELL_MEDIAN_SECONDS": "0.3",
    "PARKSTREAM_MATCH_SHARE": "0.8",
}
DROPS_SPANS = {"OTEL_BSP_MAX_QUEUE_SIZE": "1", "PARKSTREAM_BUFFER_MAX": "5"}
NO_KEY = {"PARKSTREAM_PLATE_HASH_KEY": ""}
WRONG_KIND = "not what is expected here"


class EventfulRun:
    """The run; ``metrics`` is what ``/metrics`` of the services showed at its end."""

    def __init__(self, traced: Traced, redis: RedisServer, rabbitmq: RabbitServer) -> None:
        self.traced = traced
        self.pipeline = traced.pipeline
        self.metrics = ""
        self._redis = redis
        self._rabbitmq = rabbitmq
        self._mall = self.pipeline.environ["PARKSTREAM_MALL"]
        self._generators: list[ServiceProcess] = []
        self._refused_at = now()

    async def go(self) -> None:
        """Run from the first start to the last stop."""
        await self._prepare()
        async with Camera(self.pipeline.rabbitmq_url) as camera:
            await self._ordinary_day(camera)
            await self._refused(camera)
            await self._summary_api_away(camera)
            await self._disk_full(camera)
            await self._replays(camera)
        await self._generators_at_work()
        await self._redis_away()
        await self._redis_not_to_be_written()
        await self._failures()
        await self._stop()

    async def _prepare(self) -> None:
        """Start; leave an unreadable record, and a file with a summary that will be in conflict and a torn line."""
        await asyncio.to_thread(self.pipeline.start_api)
        await self._start_backend()
        await until(lambda: self.pipeline.state()["position"] > 0, self._last_words)  # The rules are in force.
        redis = connect(self._redis.url, Database.BACKEND)
        log = RedisLog(redis, BackendKeys(self._mall), LOG_SCHEMA)
        await log.decide("vehicle.flew.v1", "odd", b"\xff", unless_after=None)
        await redis.aclose()
        self.pipeline.api.kill()
        visit = f"{id_of('out', 'CONFLICT')}@{microseconds(self._refused_at)}"
        there = Summary(**{name: getattr(item(visit), name) for name in Summary.__struct_fields__})
        self.pipeline.file.write_bytes(encode(there) + b'\n{"torn')
        self.pipeline.api.restart()
        await asyncio.to_thread(self.pipeline.api.wait_ready)

    async def _start_backend(self) -> None:
        await asyncio.to_thread(self.pipeline.start_backend, {"PARKSTREAM_OUTBOX_MAX": str(OUTBOX_MAX)})

    async def _ordinary_day(self, camera: Camera) -> None:
        """A car that comes and leaves, one that only leaves, one that stays, one that is reported twice."""
        for plate in ("CAR", "TWICE", "STAYS"):
            await camera.enters(plate, now() - HOUR)
        await camera.enters("TWICE", now() - HOUR)
        await camera.leaves("CAR", now())
        await camera.leaves("LONE", now())
        while "parking_gate_delay" not in await asyncio.to_thread(self._shown):
            await camera.enters(f"OLD{secrets.token_hex(3)}", now() - HOUR, gate="north")
        await self._at_rest()

    def _shown(self) -> str:
        """Return the figures of the last backend, without what is said of them."""
        lines = read(f"{self.pipeline.backends[-1].url}/metrics").splitlines()
        return "\n".join(line for line in lines if not line.startswith("#"))

    async def _refused(self, camera: Camera) -> None:
        """Messages that are no sightings, what is no request, and a summary that the file contradicts."""
        assert status_of(await asyncio.to_thread(said_to, self.pipeline.api.port, b"no HTTP\r\n\r\n")) == 400
        assert camera.events is not None
        for _, message, properties in poison(1)[::5]:
            await publish_entry(camera.events, message, message_id="poison", **properties)
        await camera.leaves("CONFLICT", self._refused_at)
        await until(lambda: self.pipeline.state()["parked"] == 1, self._last_words)
        await until(lambda: "conflict" in self._written(), self._last_words)  # Before the API is killed with its spans,
        await self._arrived("http.refused")  # and what it logged.

    def _written(self) -> set[object]:
        """Return the statuses of the writes that have arrived."""
        return {span.attributes.get("parking.item.status") for span in self.traced.spans().named("write")}

    async def _summary_api_away(self, camera: Camera) -> None:
        """Until recording pauses; what waits then is delivered again, to another backend."""
        self.pipeline.api.kill()
        backend = self.pipeline.backends[-1]
        await self._leaving(camera, "FIRST")
        await until(lambda: "record.paused" in backend.output.read_text(), self._last_words)
        await self._leaving(camera, "SECOND")
        await self._arrived("deliver.failing", "record.paused", "record.dead_lettered", "deliver.parked")
        await until(lambda: bool(self.traced.spans().named("deliver attempt")), self._last_words)
        backend.kill()
        await self._start_backend()
        claimer = self.pipeline.backends[-1].output
        await until(lambda: "deliver.failing" in claimer.read_text(), self._last_words)
        self.pipeline.api.restart()
        await asyncio.to_thread(self.pipeline.api.wait_ready)
        await self._at_rest()

    async def _disk_full(self, camera: Camera) -> None:
        """The summary API has no room for a line, and says so."""
        pid, room = self.pipeline.api.pid, self.pipeline.file.stat().st_size + 10
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (room, resource.RLIM_INFINITY))
        await self._leaving(camera, "THIRD")
        full = HTTPStatus.INSUFFICIENT_STORAGE.value

        def refused() -> bool:
            attempts = self.traced.spans().named("deliver attempt")
            return any(one.attributes.get("http.response.status_code") == full for one in attempts)

        await until(refused, self._last_words)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        await self._at_rest()

    async def _leaving(self, camera: Camera, name: str) -> None:
        for number in range(OUTBOX_MAX):
            await camera.enters(f"{name}{number}", now() - HOUR)
            await camera.leaves(f"{name}{number}", now())

    async def _replays(self, camera: Camera) -> None:
        """The log is folded again, compared, and the new version made live."""
        command = CommandLine(self.pipeline.environ)
        for words in (("replay", "--check"), ("replay", "--switch")):
            answer = await asyncio.to_thread(command, *words)
            assert answer.code == 0, answer.err
        await camera.leaves("SWITCHED", now())
        await self._arrived("project.switched")

    async def _generators_at_work(self) -> None:
        """Both generators, and RabbitMQ away for a while."""
        environ = {**self.pipeline.environ, **GENERATOR}
        run = self.traced.run
        leaving = await asyncio.to_thread(run, "parkstream_exit_generator", environ | NO_KEY)
        entering = await asyncio.to_thread(run, "parkstream_entry_generator", environ | DROPS_SPANS)
        self._generators = [entering, leaving]
        await reached(leaving, lambda now: now["matched"] > 0)
        self._rabbitmq.kill()
        await self._arrived("generator.buffering", "generator.dropping")
        await asyncio.to_thread(self._rabbitmq.start)
        for generator in self._generators:
            before = (await reached(generator, lambda _: True))["published"]
            await reached(generator, lambda now, before=before: now["published"] > before)
            await finished(generator)
        await self._arrived("generator.ended", "telemetry.dropped", "library.logged", "plate_hash.key_missing")

    async def _redis_away(self) -> None:
        """While Redis is away the summary API takes nothing, and the backend waits."""
        self._redis.kill()
        await until(self._refuses)
        await self._arrived("service.waiting", "summary_file.write_failed")
        await asyncio.to_thread(self._redis.start)
        await self._at_rest()

    async def _redis_not_to_be_written(self) -> None:
        """Redis may forget, its clock is taken as it is, and it comes back empty; then all is well again."""
        with Weakened(self._redis, appendfsync="everysec"):
            await self._arrived("redis.unsafe")
        answer = await asyncio.to_thread(CommandLine(self.pipeline.environ), "log", "accept-clock", "--yes")
        assert answer.code == 0, answer.err
        await self._arrived("clock.taken")
        with Emptied(self._redis, self.pipeline.file.parent):
            await self._arrived("log.refused")
        await self._arrived("log.accepted")
        await self._at_rest()

    def _refuses(self) -> bool:
        """Return whether the summary API refused a summary because of its Redis."""
        try:
            post(f"{self.pipeline.api.url}/v1/summaries", body(item("refused")))
        except HTTPError as error:
            return error.code == HTTPStatus.SERVICE_UNAVAILABLE
        return False

    async def _failures(self) -> None:
        """A backend, and a generator, that find something else in their Redis."""
        other = f"{self._mall}-other"
        generator, backend = EntryGeneratorKeys(other), BackendKeys(other)
        wrong = {
            Database.ENTRY_GENERATOR: (generator.intents, generator.account),
            Database.BACKEND: (backend.log_meta,),
        }
        for database, keys in wrong.items():
            untyped = connect(self._redis.url, database)
            for key in keys:
                await untyped.set(key, WRONG_KIND)
            await untyped.aclose()
        environ = {**self.pipeline.environ, **GENERATOR, "PARKSTREAM_MALL": other}
        of_other = {"PARKSTREAM_MALL": other, "PARKSTREAM_RABBITMQ_URL": self._rabbitmq.add_vhost(other)}
        self.pipeline.start_backend(of_other, ready=False)
        self.traced.run("parkstream_entry_generator", environ, ready=False)
        await self._arrived("backend.task_failed", "generator.failed")
        self.pipeline.backends.pop()

    async def _stop(self) -> None:
        """Look at what the services show, the console too, and stop them in good order."""
        at = {"PARKSTREAM_SUMMARY_URL": self.pipeline.api.url, "PARKSTREAM_BACKEND_URL": self.pipeline.backends[-1].url}
        console = await asyncio.to_thread(self.traced.run, "parkstream_console", self.pipeline.environ | at)
        services = [console, *self._generators, self.pipeline.backends[-1], self.pipeline.api]
        self.metrics = "".join([await asyncio.to_thread(read, f"{one.url}/metrics") for one in services])
        for service in services:
            assert await asyncio.to_thread(service.terminate) == 0, service.last_lines()
        await self._arrived("service.stopped")

    async def _at_rest(self) -> None:
        def rests() -> bool:
            with contextlib.suppress(OSError, RedisError):  # A server that has just come back.
                state = self.pipeline.state()
                return not (state["lag"] or state["pending"] or state["outbox_depth"]) and state["position"] > 1
            return False

        await until(rests, self._last_words)

    async def _arrived(self, *events: str) -> None:
        """Return when all *events* have arrived as log records."""

        def missing() -> set[str]:
            return set(events) - {one.event for one in self.traced.sink.logs()}

        await until(lambda: not missing(), lambda: f"{missing()}\n{self._last_words()}")

    def _last_words(self) -> str:
        return "\n".join(last_lines(path) for path in self.traced.outputs)


def last_lines(output: Path) -> str:
    """Return the end of what a service wrote."""
    return re.sub(r'"stacktrace":"[^"]*"', "", "\n".join(output.read_text().splitlines()[-5:]))
