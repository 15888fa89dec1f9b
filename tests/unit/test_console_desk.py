"""One question at a time, equal ones once, no more waiting than there is room for, and none that nobody wants."""

import asyncio
from collections.abc import Callable

import pytest
from parkstream_console.travel import desk as module
from parkstream_console.travel.desk import KEPT_MAX, WAITING_MAX, Desk, FullError
from parkstream_console.travel.folder import SnapshotFolder
from parkstream_console.travel.question import Question, next_to_keep
from parkstream_console.travel.worker_process import NoAnswerError
from parkstream_eventlog import LogState
from parkstream_projection.questions.as_of import Answer, AsOf
from parkstream_projection.questions.as_of import Question as About
from parkstream_projection.questions.snapshots import EVERY, Head, Mark, Snapshots
from parkstream_visits.in_memory import InMemory


def question(position: int, plate: str | None = None) -> Question:
    return Question(log_id="log", then=AsOf(to=position, plate=plate, inside=True))


def answer(position: int) -> Answer:
    return Answer(
        question=About.KNOWN,
        position=position,
        recorded_at=None,
        occurred_at=None,
        final=True,
        counters={},
        inside=[],
        visits=None,
    )


class Reader:
    """Finds what was let through, and notes who came and who was turned away."""

    def __init__(self) -> None:
        self.begun: list[int] = []
        self.turned_away: list[int] = []
        self.at_once = 0
        self.let: dict[int, asyncio.Event] = {}
        self.fails: set[int] = set()

    async def __call__(self, asked: Question, reached: Callable[[int, int], None]) -> Answer:
        position = asked.then.to
        self.begun.append(position)
        self.at_once += 1
        assert self.at_once == 1
        try:
            reached(1, position)
            await self.let.setdefault(position, asyncio.Event()).wait()
            if position in self.fails:
                message = "Redis does not answer"
                raise NoAnswerError(message)
            return answer(position)
        except asyncio.CancelledError:
            self.turned_away.append(position)
            raise
        finally:
            self.at_once -= 1

    def go_on(self, position: int) -> None:
        self.let.setdefault(position, asyncio.Event()).set()


@pytest.fixture
def reader():
    return Reader()


@pytest.fixture
async def desk(reader):
    desk = Desk(reader)
    running = asyncio.create_task(desk.run())
    yield desk
    running.cancel()
    await asyncio.wait({running})
    assert running.cancelled()


async def until(found: Callable[[], object]) -> None:
    while not found():
        await asyncio.sleep(0)


async def test_they_are_answered_one_by_one_in_the_order_they_came(desk, reader):
    errands = [desk.ask(question(n), "anna") for n in (1, 2, 3)]
    assert [desk.ahead_of(one) for one in errands] == [0, 1, 2]
    for n, errand in enumerate(errands, 1):
        reader.go_on(n)
        await errand.ended.wait()
        assert errand.answer == answer(n)
    assert reader.begun == [1, 2, 3]


async def test_equal_questions_share_one_answer_while_it_is_looked_for_and_after(desk, reader):
    first, second = desk.ask(question(1), "anna"), desk.ask(question(1), "otto")
    assert first is second
    reader.go_on(1)
    await first.ended.wait()
    assert desk.ask(question(1), "anna") is first
    assert reader.begun == [1]


async def test_how_far_it_is_can_be_seen(desk, reader):
    errand = desk.ask(question(7), "anna")
    await until(lambda: errand.total)
    assert (errand.done, errand.total) == (1, 7)


async def test_who_comes_when_all_places_are_taken_is_refused(desk):
    for n in range(1, WAITING_MAX + 2):
        desk.ask(question(n), "anna")
    with pytest.raises(FullError) as refused:
        desk.ask(question(99), "anna")
    assert refused.value.waiting == WAITING_MAX
    desk.ask(question(WAITING_MAX), "otto")


async def test_what_is_given_up_ends_unless_somebody_else_waits_for_it(desk, reader):
    errand = desk.ask(question(1), "anna")
    desk.ask(question(1), "otto")
    waiting = desk.ask(question(2), "anna")
    await until(lambda: reader.begun)
    desk.abandon(question(2), "anna")
    assert desk.ahead_of(desk.ask(question(3), "anna")) == 1
    desk.abandon(question(1), "anna")
    assert not waiting.ended.is_set()
    desk.abandon(question(1), "otto")
    await until(lambda: reader.begun == [1, 3])
    assert reader.turned_away == [1]
    assert not errand.ended.is_set()


async def test_what_nobody_asks_for_any_more_ends(desk, reader, monkeypatch):
    monkeypatch.setattr(module, "LOOK_SECONDS", 0.0)
    desk.ask(question(1), "anna")
    await until(lambda: reader.begun)
    monkeypatch.setattr(module, "WANTED_SECONDS", 0.0)
    await until(lambda: reader.turned_away == [1])


async def test_a_failure_is_told_and_the_next_question_is_answered(desk, reader):
    reader.fails.add(1)
    failed, answered = desk.ask(question(1), "anna"), desk.ask(question(2), "anna")
    reader.go_on(1)
    reader.go_on(2)
    await answered.ended.wait()
    assert (failed.answer, failed.problem) == (None, "Redis does not answer")
    assert desk.ask(question(1), "otto") is failed
    assert answered.answer == answer(2)


async def test_a_failure_is_not_told_for_long(desk, reader, monkeypatch):
    monkeypatch.setattr(module, "FAILED_SECONDS", -1.0)
    reader.fails.add(1)
    failed = desk.ask(question(1), "anna")
    reader.go_on(1)
    await failed.ended.wait()
    await until(lambda: desk.ask(question(1), "anna") is not failed)


async def test_few_answers_are_kept_and_none_of_a_log_that_has_changed(desk, reader):
    for n in range(1, KEPT_MAX + 2):
        reader.go_on(n)
        await desk.ask(question(n), "anna").ended.wait()
    begun = len(reader.begun)
    assert desk.ask(question(2), "anna").answer == answer(2)
    again = desk.ask(question(1), "anna")
    await again.ended.wait()
    assert len(reader.begun) == begun + 1
    desk.see(state("log", 50))
    assert desk.ask(question(1), "anna") is again
    desk.see(state("log", 49))
    assert desk.ask(question(1), "anna") is not again


async def test_when_nobody_asks_what_will_be_of_use_is_prepared_until_somebody_does(reader):
    desk = Desk(reader, lambda log: question(log.position))
    desk.see(state("log", 100))
    running = asyncio.create_task(desk.run())
    await until(lambda: reader.begun)
    errand = desk.ask(question(1), "anna")
    reader.go_on(1)
    await errand.ended.wait()
    assert reader.begun[:2] == [100, 1]
    assert reader.turned_away == [100]
    running.cancel()
    await asyncio.wait({running})


def test_the_next_snapshot_is_made_where_one_is_wanted_and_missing():
    folder = SnapshotFolder(None)
    wanted = next_to_keep(folder)
    assert wanted(state("log", EVERY - 1)) is None
    assert wanted(state("log", 2 * EVERY + 5)) == Question(log_id="log", then=AsOf(to=2 * EVERY))
    head = Head(2 * EVERY, Mark(0, 0), 0, 0, b"")
    Snapshots(folder.path(), "log").keep(head, InMemory())
    assert wanted(state("log", 3 * EVERY - 1)) is None
    assert wanted(state("log", 3 * EVERY)) == Question(log_id="log", then=AsOf(to=3 * EVERY))
    assert wanted(state("adopted", 2 * EVERY)) == Question(log_id="adopted", then=AsOf(to=2 * EVERY))
    path = folder.path()
    folder.close()
    assert not path.exists()


def test_snapshots_that_are_to_be_kept_outlive_the_process(tmp_path):
    folder = SnapshotFolder(str(tmp_path / "kept" / "here"))
    folder.path().joinpath("file").write_bytes(b"")
    folder.close()
    assert folder.path().joinpath("file").exists()


def state(log_id: str, position: int) -> LogState:
    return LogState(log_id, position, 0, 0, 0, position, {}, {})
