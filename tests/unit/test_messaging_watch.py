"""When a connection that does not answer is cut off: not while something else comes over it."""

import asyncio

import pytest
from parkstream_messaging import watch
from parkstream_messaging.watch import Question


class Rabbit:
    """Answers when *answers* is set, and delivers something each time somebody looks, *deliveries* times."""

    def __init__(self, deliveries: int, *, answers_after: int | None = None) -> None:
        self.delivered = 0
        self.cut_off: list[Exception] = []
        self._deliveries = deliveries
        self._answers_after = answers_after
        self._answered = asyncio.Event()

    async def ask(self) -> None:
        await self._answered.wait()

    async def give_up(self, error: Exception) -> None:
        self.cut_off.append(error)

    def heard(self) -> int:
        self.delivered += self.delivered < self._deliveries
        if self.delivered == self._answers_after:
            self._answered.set()
        return self.delivered


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "ANSWER_SECONDS", 0.01)


async def test_an_answer_that_lies_behind_what_was_delivered_is_waited_for():
    rabbit = Rabbit(20, answers_after=11)
    question = Question(rabbit.ask, rabbit.give_up, rabbit.heard)
    await question.put()
    assert rabbit.cut_off == []
    assert question.problem == ""


async def test_when_nothing_comes_any_more_it_is_cut_off():
    rabbit = Rabbit(6)
    await Question(rabbit.ask, rabbit.give_up, rabbit.heard).put()
    assert [type(error) for error in rabbit.cut_off] == [TimeoutError]
    assert rabbit.delivered == 6


async def test_not_even_while_deliveries_come_is_an_answer_waited_for_forever(monkeypatch):
    monkeypatch.setattr(watch, "WAIT_SECONDS_MAX", 0.05)
    rabbit = Rabbit(1_000_000)
    await Question(rabbit.ask, rabbit.give_up, rabbit.heard).put()
    assert len(rabbit.cut_off) == 1


async def test_where_nothing_else_can_come_one_deadline_is_all():
    rabbit = Rabbit(1_000_000)
    await Question(rabbit.ask, rabbit.give_up).put()
    assert len(rabbit.cut_off) == 1
    assert rabbit.delivered == 0
