"""However a log is appended to, archived, restored and read: its readers see what was appended, once, in order."""

import asyncio
import tempfile
from itertools import count
from pathlib import Path

from archives import archive_through, make_steps_small, restore_from
from eventlog_stores import RedisStore, entered
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from parkstream_eventlog.archive import Archive, SpanningLog, defects_of
from parkstream_eventlog.archive import segments as segments_module

bodies = st.binary(max_size=40) | st.text(max_size=20).map(str.encode)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("append"), st.lists(bodies, min_size=1, max_size=12)),
        st.tuples(st.just("archive"), st.floats(0, 1)),
        st.tuples(st.just("restore"), st.floats(0, 1)),
        st.tuples(st.just("read"), st.tuples(st.floats(0, 1), st.integers(1, 20))),
    ),
    max_size=20,
)
_malls = count()


class History:
    """A log, what was appended to it, and a reader that is as old as the log."""

    def __init__(self, store: RedisStore, folder: Path) -> None:
        self.store = store
        self.folder = folder
        self.reader = SpanningLog(store.another(), Archive(folder, store.keys.mall))
        self.appended: list[bytes] = []

    async def append(self, bodies: list[bytes]) -> None:
        first = len(self.appended)
        await self.store.log.append([entered(str(nth), body=body) for nth, body in enumerate(bodies, first)])
        self.appended += bodies

    async def archive(self, share: float) -> None:
        await archive_through(self.store, self.folder, int(share * len(self.appended)))

    async def restore(self, share: float) -> None:
        await restore_from(self.store, self.folder, 1 + int(share * len(self.appended)))

    async def read(self, what: tuple[float, int]) -> None:
        after = int(what[0] * len(self.appended))
        records = await self.reader.read(after, what[1])
        assert [record.body for record in records] == self.appended[after : after + what[1]]
        assert [record.position for record in records] == list(range(after + 1, after + len(records) + 1))

    async def check(self) -> None:
        state = await self.store.log.state()
        assert state.length == state.position - state.archived_through
        assert list(defects_of(Archive(self.folder))) == []
        for reader in (self.reader, SpanningLog(self.store.log, Archive(self.folder))):
            assert [record.body for record in await reader.read(0, 10_000)] == self.appended
            if self.appended:
                following = reader.follow(0, 7)
                seen = [record.body for _ in range(-(-len(self.appended) // 7)) for record in await anext(following)]
                assert seen == self.appended[: len(seen)]


def test_readers_see_what_was_appended_wherever_it_is(redis_url, mall, monkeypatch):
    make_steps_small(monkeypatch.setattr)
    monkeypatch.setattr(segments_module, "CHUNK_BYTES", 64)

    async def live(ways: list) -> None:
        store = RedisStore(redis_url, f"{mall}-{next(_malls)}")
        with tempfile.TemporaryDirectory() as folder:
            history = History(store, Path(folder))
            for way, what in ways:
                await getattr(history, way)(what)
            await history.check()
        await store.close()

    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    @given(steps)
    def holds(ways: list) -> None:
        asyncio.run(live(ways))

    holds()
