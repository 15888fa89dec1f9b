"""Who makes room when a connection too many comes: who has kept the server waiting for longest, last who is served."""

import pytest
from parkstream_service.http.connections import Connections, Wait
from parkstream_service.refusals import Refusal
from parkstream_service.settings import HttpLimits

MAX = 10
FIRST_TO_LAST = ["heads", "bodies", "answers", "idle", "work"]


class Someone:
    """A connection that notes why it was ended."""

    def __init__(self, shared: Connections) -> None:
        self._shared = shared
        self.wait: Wait | None = None
        self.ended: list[Refusal] = []
        shared.open(self)

    def refuse(self, why: Refusal) -> None:
        self.ended.append(why)
        self._shared.close(self)


@pytest.fixture
async def shared() -> Connections:
    return Connections(HttpLimits(http_connections_max=MAX), 1_000, lambda _: None)


@pytest.mark.parametrize("wait", FIRST_TO_LAST)
async def test_whatever_all_are_waited_for_the_first_of_them_makes_room(shared: Connections, wait: str):
    everybody = [Someone(shared) for _ in range(MAX)]
    for one in everybody:
        shared.wait_for(one, getattr(shared, wait))
    newest = Someone(shared)
    assert [one.ended for one in everybody] == [[Refusal.CONNECTIONS], *[[]] * (MAX - 1)]
    assert (newest.ended, newest.wait) == ([], shared.heads)


async def test_who_is_served_is_ended_last(shared: Connections):
    everybody = [(name, Someone(shared)) for name in reversed(FIRST_TO_LAST) for _ in range(2)]
    for name, one in everybody:
        shared.wait_for(one, getattr(shared, name))
    ended: list[str] = []
    for _ in everybody:
        before = {one for _, one in everybody if one.ended}
        shared.wait_for(Someone(shared), None)  # Who is waited for by nobody stays.
        ended += [name for name, one in everybody if one.ended and one not in before]
    assert ended == [name for name in FIRST_TO_LAST for _ in range(2)]


async def test_where_nobody_can_make_room_who_comes_is_refused(shared: Connections):
    everybody = [Someone(shared) for _ in range(MAX)]
    for one in everybody:
        shared.wait_for(one, None)
    assert Someone(shared).ended == [Refusal.CONNECTIONS]
    assert not any(one.ended for one in everybody)
