"""What a backend is made of; nothing here talks to anybody before it is used."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import cached_property, partial
from typing import Final

from faststream.rabbit import Channel
from parkstream_eventlog import EventLog, GroupCommit, RedisLog, RedisReader, Writer, check_durability
from parkstream_eventlog.archive import check_as_long_as_archive, spanning
from parkstream_eventlog.functions import LOG
from parkstream_events.keys import BackendKeys, Database
from parkstream_events.log_schema import LOG_SCHEMA
from parkstream_events.units import SECOND_US
from parkstream_messaging.confirmed_channel import ConfirmedChannel
from parkstream_messaging.mark_stream import MarkStream
from parkstream_messaging.topology import DEAD_LETTERS_EXCHANGE, EVENTS
from parkstream_messaging.watch import Watch
from parkstream_projection import Outbox, Reads, Versions
from parkstream_projection.functions import PROJECTING
from parkstream_service.http import Notice
from parkstream_service.lifecycle import BackgroundTasks
from parkstream_service.redis import Library, Replicas, connect, is_transient
from parkstream_service.retry import Wait
from parkstream_telemetry import TelemetryOptions, names, start

from parkstream_backend.clock_guard import ClockGuard
from parkstream_backend.code_guard import CodeGuard
from parkstream_backend.log_guard import LogGuard
from parkstream_backend.monitor import Guard, Measure, Monitor
from parkstream_backend.project.follower import Follower
from parkstream_backend.readable_types import ReadableTypes
from parkstream_backend.record.acks import Acks
from parkstream_backend.record.back_pressure import BackPressure
from parkstream_backend.record.connection import NOT_SUBSCRIBED, Listener, reported_broker
from parkstream_backend.record.consumer_reports import ConsumerReports, Reporter
from parkstream_backend.record.dead_letters import WAITING_MAX, DeadLetters
from parkstream_backend.record.newer_versions import NewerVersions
from parkstream_backend.record.queue_depths import QueueDepths
from parkstream_backend.record.recorder import Recorder
from parkstream_backend.record.subscribers import listen_to_entries, listen_to_exits
from parkstream_backend.replica_guard import ReplicaGuard
from parkstream_backend.settings import Queue, Role, Settings

STARTING: Final = frozenset({"starting"})
GRACEFUL_SECONDS: Final = 6.0


class Parts:
    """Everything that a backend may need, put together."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.telemetry = telemetry = start(TelemetryOptions.of("parkstream-backend", settings))
        self._waits: list[tuple[str, Wait]] = []
        self.tasks = BackgroundTasks(lambda name, error: telemetry.log(names.EVENT_TASK_FAILED, task=name, error=error))
        self.keys = BackendKeys(settings.mall)
        self.looking = connect(settings.redis_url, Database.BACKEND, name="parkstream-backend-looks")
        """For what only looks, whatever Redis holds."""
        writer = Writer("", step_stands_seconds=settings.clock_step_seconds, replicated=settings.redis_replicas_min > 0)
        marks = MarkStream(settings.rabbitmq_url, declares=True)
        wait = self.waiting_for("redis")
        self.guard = LogGuard(self.looking, self.keys, marks, writer, settings.mall, telemetry, wait)
        self.redis = connect(
            settings.redis_url, Database.BACKEND, name="parkstream-backend", on_connect=self.guard.admit
        )
        log = self._log_of(writer)
        self.clock_guard, self.code_guard = ClockGuard(log, telemetry), CodeGuard(self.looking, self._libraries())
        self.log: EventLog = spanning(log, settings.archive_dir, settings.mall)
        self.commit = GroupCommit(self.log, on_commit=self._committed, on_retry=self.waiting_for("redis"))
        self.outbox = Outbox(self.redis, self.keys, writer=writer, replicas=self._replicas)
        self.reads = Reads(self.looking, self.keys)
        self.back_pressure = BackPressure(STARTING)
        self.broker, self.nodes_watch = reported_broker(settings.rabbitmq_url, telemetry, GRACEFUL_SECONDS)
        self.reports = ConsumerReports(self.redis, self.keys)
        self._reporters: list[Reporter] = []
        self.depths = QueueDepths(settings.rabbitmq_url)
        self.follower: Follower | None = None
        """Keeps the projection up with the log, where this process does that, once it has started."""
        self.dead_letters = DeadLetters(ConfirmedChannel(settings.rabbitmq_url, DEAD_LETTERS_EXCHANGE.name), telemetry)
        self.listener = self._listener()
        self.monitor = Monitor(
            self._measure(),
            self._guards(),
            self.back_pressure,
            telemetry,
            projection_lag_max=settings.projection_lag_max,
            outbox_max=settings.outbox_max,
        )
        if self.does(Role.RECORD):
            self._subscribe()

    @cached_property
    def readable_types(self) -> ReadableTypes:
        """Which types of sightings the programs can read that record here."""
        return ReadableTypes(self.redis, self.keys)

    @cached_property
    def newer_versions(self) -> NewerVersions:
        """What becomes of sightings that only a newer program can read."""
        return NewerVersions(self.readable_types.by_newer, self.waiting_for("redis"))

    @cached_property
    def _replicas(self) -> Replicas | None:
        """What is waited for before anything leaves; nothing where no replica has to have it."""
        if not self.settings.redis_replicas_min:
            return None
        waited = partial(self.telemetry.record, names.REPLICAS_WAIT)
        following, minimum = (lambda: self._replica_guard.in_step), self.settings.redis_replicas_min
        return Replicas(self.redis, minimum, self.keys.log_replicated, waited, following)

    @cached_property
    def _replica_guard(self) -> ReplicaGuard:
        return ReplicaGuard(self.looking, self.settings.redis_replicas_min, self.telemetry)

    def _log_of(self, writer: Writer) -> RedisLog:
        return RedisLog(
            self.redis,
            self.keys,
            LOG_SCHEMA,
            writer=writer,
            replicas=self._replicas,
            dedupe_days=self.settings.dedupe_days,
            clock_ahead_max_us=round(self.settings.clock_ahead_max_seconds * SECOND_US),
        )

    def _guards(self) -> dict[str, Guard]:
        """Return what is asked before anything is written; the functions first, since the others call them."""
        return {
            "functions": self.code_guard,
            "durability": lambda: check_durability(self.looking),
            "replicas": self._replica_guard,
            "clock": self.clock_guard,
        }

    def _measure(self) -> Measure:
        redis, keys = self.looking, self.keys
        return Measure(redis, RedisReader(redis, keys), Outbox(redis, keys), self.reads, Versions(redis, keys))

    def does(self, role: Role) -> bool:
        """Whether this process has *role*."""
        return role in self.settings.roles

    async def prepare(self) -> None:
        """Raise when Redis may forget what it acknowledges, or its log ends before its archive."""
        await self.monitor.ask_guards()
        await check_durability(self.looking)
        log = RedisReader(self.looking, self.keys)
        await check_as_long_as_archive(log, self.settings.archive_dir, self.settings.mall)

    async def check_writable(self) -> None:
        """Raise while functions are not ours, or a clock keeps the log, which is the one that is meant, as it is."""
        await self.code_guard.begin()
        self.clock_guard.begin()
        await self.monitor.ask_guards()
        await self.clock_guard()

    async def close(self) -> None:
        """Close all connections, the broker's aside."""
        await self.depths.close()
        await self.commit.end()
        await self.left()
        await self.guard.close()
        await self.redis.aclose()
        await self.looking.aclose()

    async def log_problem(self) -> str:
        """Say why nothing may be written to the log."""
        return self.guard.problem

    def _libraries(self) -> list[Library]:
        """Return the functions that the roles of this process call."""
        projecting = self.does(Role.PROJECT) or self.does(Role.DELIVER)
        return [LOG, PROJECTING] if projecting else [LOG]

    def waiting_for(self, name: str) -> Wait:
        """Return what says that *name* is away and is tried again, in the log and in ready."""

        def report(error: Exception) -> None:
            self.telemetry.log(names.EVENT_WAITING, dependency=name, detail=f"{type(error).__name__}: {error}")

        wait = Wait(report)
        self._waits.append((name, wait))
        return wait

    async def redis_problem(self) -> str:
        """Say what somebody here waits for in Redis, or why the figures of it are not current."""
        waited_for = next((wait.problem for name, wait in self._waits if name == "redis" and wait.problem), "")
        return waited_for or self.monitor.redis_problem

    async def rabbitmq_problem(self) -> str:
        """Say what is wrong with the connection to RabbitMQ, if this process needs it."""
        if not self.does(Role.RECORD):
            return ""
        problem = self.listener.problem
        return f"{problem}: {self.guard.problem}" if problem == NOT_SUBSCRIBED and self.guard.problem else problem

    async def nodes_notice(self) -> str:
        """Say which nodes of RabbitMQ take no connections from here."""
        return Notice(self.nodes_watch.notice)

    async def report(self) -> None:
        """Report for ever what this process has recorded."""
        async with asyncio.TaskGroup() as group:
            for reporter in self._reporters:
                group.create_task(reporter.run())

    async def leave(self) -> None:
        """Report that what this process holds is counted by nobody any more."""
        for reporter in self._reporters:
            await self._unless_away(reporter.leave)

    async def left(self) -> None:
        """Report that this process holds nothing any more."""
        for reporter in self._reporters:
            await self._unless_away(reporter.left)

    async def _unless_away(self, report: Callable[[], Awaitable[None]]) -> None:
        """Report, unless Redis is away: then nobody can decide by reports either."""
        try:
            await report()
        except Exception as error:
            if not is_transient(error):
                raise
            self.telemetry.log(names.EVENT_WAITING, dependency="redis", detail=f"{type(error).__name__}: {error}")

    async def state_problem(self) -> str:
        """Say why nothing can be folded onto the state, if this process projects."""
        return self.follower.problem if self.follower is not None else ""

    def _listener(self) -> Listener:
        watch, on_retry = Watch(self.settings.rabbitmq_url), self.waiting_for("rabbitmq")
        return Listener(self.broker, watch, on_retry, lambda: self.telemetry.log(names.EVENT_STARTED))

    def _subscribe(self) -> None:
        def failed(error: Exception) -> None:
            self.tasks.fail("record", error)

        parts = (self.commit, self.dead_letters, Acks(), self.back_pressure, self.telemetry)
        recorder = Recorder(*parts, failed, self.newer_versions)
        listening = {Queue.ENTRIES: listen_to_entries, Queue.EXITS: listen_to_exits}
        for queue in self.settings.queues:
            channel = Channel(self.settings.prefetch_count + WAITING_MAX)
            subscriber = listening[queue](self.broker, recorder, channel, self.settings.placeholders)
            self._reporters.append(Reporter(subscriber.queue.name, subscriber, self.reports))
            recorder.expect(EVENTS.name, subscriber.queue.routing_key, subscriber.queue.name)

    def _committed(self, candidates: int, seconds: float) -> None:
        self.telemetry.record(names.COMMIT_SIZE, candidates)
        self.telemetry.record(names.COMMIT_DURATION, seconds)
