"""The log in Redis against a model of ten lines, while connections drop and the server dies."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from eventlog_stores import TODAY_US, NewLog, entered, exited
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from parkstream_devtools.faults import Proxy
from parkstream_devtools.redis_functions import load_functions
from parkstream_eventlog import (
    Appended,
    Candidate,
    DecideOutcome,
    Duplicate,
    GroupCommit,
    IdConflict,
    Outcome,
    Overtaken,
    TooOld,
)
from parkstream_eventlog.functions import LOG
from parkstream_events import wire
from parkstream_events.keys import BackendKeys
from parkstream_events.log_schema import LOG_SCHEMA
from parkstream_events.units import DAY_US
from parkstream_service.redis import connect, is_transient

RESTARTS_MAX = 6
LONG_AGO = -1

sightings = st.builds(
    lambda make, number, body, day, later: make(f"id-{number}", body=body, day=day, at_us=TODAY_US + later),
    st.sampled_from([entered, exited]),
    st.integers(0, 30),
    st.sampled_from([b"one", b"one", b"one", b"two"]),
    st.sampled_from([None, None, None, LONG_AGO]),
    st.sampled_from([0, 0, 0, 1, -DAY_US]),
)
batches = st.lists(sightings, min_size=1, max_size=12)


class Model:
    """What the log should hold: (type, id, body) by position, and the position of each event and decision."""

    def __init__(self) -> None:
        self.records: list[tuple[str, str, bytes]] = []
        self.known: dict[tuple[str, str, int], int] = {}

    def append(self, wanted: Candidate) -> type[Outcome]:
        if wanted.event_time_us < 0:
            return TooOld
        position = self.known.get(identity(wanted))
        if position:
            return Duplicate if self.records[position - 1][2] == wanted.body else IdConflict
        self.write((wanted.type, wanted.id, wanted.body), identity(wanted))
        return Appended

    def write(self, record: tuple[str, str, bytes], identity: tuple[str, str, int]) -> None:
        self.records.append(record)
        self.known[identity] = len(self.records)

    def last(self, category: str) -> int:
        prefix = {"entry": "vehicle.entered.", "exit": "vehicle.exited."}[category]
        return max((nth for nth, record in enumerate(self.records, 1) if record[0].startswith(prefix)), default=0)


def identity(wanted: Candidate) -> tuple[str, str, int]:
    """Return what makes an event the same, whatever its version and body."""
    return wanted.category, wanted.id, wanted.event_time_us


class LogUnderFire(RuleBasedStateMachine):
    """Appends and decides through a proxy that loses answers; checks directly."""

    server: Any
    restarts_left = RESTARTS_MAX
    runs = 0
    retries = 0

    def __init__(self) -> None:
        super().__init__()
        LogUnderFire.runs += 1
        self.loop = asyncio.new_event_loop()
        self.keys = BackendKeys(f"model-{self.runs}")
        self.model = Model()
        self.may_be_repeated = False
        self.loop.run_until_complete(self.open())

    async def open(self) -> None:
        self.proxy = Proxy(self.server.port)
        self.through_proxy = connect(f"redis://127.0.0.1:{self.proxy.port}")
        self.direct = connect(self.server.url)
        self.log = NewLog(self.direct, self.keys, LOG_SCHEMA)
        self.commit = GroupCommit(NewLog(self.through_proxy, self.keys, LOG_SCHEMA), on_retry=self.count_retry)

    def count_retry(self, error: Exception) -> None:
        LogUnderFire.retries += 1

    def run(self, call: Callable[[], Awaitable[Any]]) -> Any:
        return self.loop.run_until_complete(asyncio.wait_for(call(), 240))

    def teardown(self) -> None:
        self.run(self.close)
        self.loop.run_until_complete(self.loop.shutdown_asyncgens())
        self.loop.close()

    async def close(self) -> None:
        await self.commit.end()
        await self.through_proxy.aclose()
        await self.direct.aclose()
        self.proxy.close()

    @rule(callers=st.lists(batches, min_size=1, max_size=4))
    def append(self, callers: list[list[Candidate]]) -> None:
        async def together() -> list[list[Outcome]]:
            return await asyncio.gather(*map(self.commit.record_many, callers))

        before = len(self.model.records)
        for batch, outcomes in zip(callers, self.run(together), strict=True):
            for wanted, outcome in zip(batch, outcomes, strict=True):
                self.check_append(wanted, outcome, before)
        self.may_be_repeated = False

    def check_append(self, wanted: Candidate, outcome: Outcome, before: int) -> None:
        expected = self.model.append(wanted)
        if isinstance(outcome, TooOld):
            assert expected is TooOld
            return
        position = self.model.known[identity(wanted)]
        assert outcome.position == position
        lost_answer = self.may_be_repeated and position > before and isinstance(outcome, Duplicate)
        assert type(outcome) is expected or (expected is Appended and lost_answer)

    @rule(as_of=st.integers(0, 20), behind=st.integers(0, 2), category=st.sampled_from(["entry", "exit"]))
    def decide(self, as_of: int, behind: int, category: str) -> None:
        id_, position = f"watermark:{as_of}", max(0, self.model.last(category) - behind)
        decision = (wire.WATERMARK_ADVANCED, id_, b"decided")
        decided = ("decided", id_, 0)
        known = self.model.known.get(decided)
        outcome = self.run(lambda: self.decided(decision, ([category], position)))
        if known:
            assert outcome == Duplicate(known)
        elif self.model.last(category) > position:
            assert outcome == Overtaken()
        else:
            self.model.write(decision, decided)
            assert outcome.position == len(self.model.records)
            assert isinstance(outcome, Appended) or self.may_be_repeated
        self.may_be_repeated = False

    async def decided(self, decision: tuple[str, str, bytes], unless_after: tuple[list[str], int]) -> DecideOutcome:
        log = NewLog(self.through_proxy, self.keys, LOG_SCHEMA)
        while True:
            try:
                return await log.decide(*decision, unless_after=unless_after)
            except Exception as error:
                if not is_transient(error):
                    raise
                await asyncio.sleep(0.01)

    @rule(count=st.integers(1, 2))
    def lose_the_next_answers(self, count: int) -> None:
        self.proxy.lose_answers(count)
        self.may_be_repeated = True

    @rule()
    def drop_idle_connections(self) -> None:
        self.run(self.kill_connections)

    async def delete_the_functions(self) -> None:
        untyped: Any = self.direct
        await untyped.function_delete(LOG.versioned_name)

    @rule()
    def forget_the_functions(self) -> None:
        self.run(self.delete_the_functions)
        load_functions(self.server.url)

    @rule(batch=batches, connections_only=st.booleans())
    def append_while_something_dies(self, batch: list[Candidate], connections_only: bool) -> None:
        async def meanwhile() -> list[Outcome]:
            appending = asyncio.create_task(self.commit.record_many(batch))
            await asyncio.sleep(0)
            await (self.kill_connections() if connections_only else self.kill_the_server())
            return await appending

        before, self.may_be_repeated = len(self.model.records), True
        for wanted, outcome in zip(batch, self.run(meanwhile), strict=True):
            self.check_append(wanted, outcome, before)
        self.run(self.direct.connection_pool.disconnect)

    async def kill_connections(self) -> None:
        await self.direct.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")

    async def kill_the_server(self) -> None:
        if LogUnderFire.restarts_left > 0:
            LogUnderFire.restarts_left -= 1
            await asyncio.to_thread(self.server.kill)
            await asyncio.to_thread(self.server.start)

    @rule(after=st.integers(0, 40), count=st.integers(1, 10))
    def read_some(self, after: int, count: int) -> None:
        after = min(after, len(self.model.records))
        records = self.run(lambda: self.log.read(after, count))
        assert [record[1:4] for record in records] == self.model.records[after : after + count]

    @invariant()
    def the_log_is_the_model(self) -> None:
        records = self.run(lambda: self.log.read(0, 10_000))
        assert [record[1:4] for record in records] == self.model.records
        assert [record.position for record in records] == list(range(1, len(records) + 1))
        assert sorted(record.recorded_at_us for record in records) == [record.recorded_at_us for record in records]
        state = self.run(self.log.state)
        assert state.length == state.position - state.archived_through == len(records)
        for category in ("entry", "exit"):
            assert state.latest_of(category).position == self.model.last(category)


def test_the_log_keeps_its_promise_under_fire(redis_server):
    class Machine(LogUnderFire):
        server = redis_server

    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=40,
            stateful_step_count=30,
            deadline=None,
            phases=[Phase.generate, Phase.shrink],
            suppress_health_check=list(HealthCheck),
        ),
    )
    assert Machine.retries > 0, "no fault was felt"
