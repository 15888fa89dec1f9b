"""Timers: what waits until a clock passes a time, in three queues, each ordered by (due, member)."""

from collections.abc import ItemsView
from enum import IntEnum
from heapq import heapify, heappop, heappush

SEPARATOR = "\x1f"
STALE_MAX = 1_000
"""How many dropped items may wait in a queue, beside as many as it holds, until they are cleared."""


class Timer(IntEnum):
    """What an item waits for: a missing entry or exit, until the watermark passes its time; or to be forgotten."""

    MISSING_ENTRY = 0
    MISSING_EXIT = 1
    FORGETTING = 2


class TimerQueue:
    """Members with the time (microseconds) that their clock must pass.

    It may hold only a part of a larger queue that is kept elsewhere: ``load`` brings that part in, ``take_changes``
    returns what to change there.
    """

    def __init__(self) -> None:
        self._due: dict[str, int] = {}
        self._changed: dict[str, int | None] = {}
        self.heap: list[tuple[int, str]] = []
        """Nothing is due before its first item; some items may have moved or gone since."""

    def __len__(self) -> int:
        return len(self._due)

    def load(self, due_us: int, member: str) -> None:
        """Take in *member* as it is kept elsewhere."""
        if self._due.get(member) != due_us:
            self._due[member] = due_us
            heappush(self.heap, (due_us, member))

    def put(self, due_us: int, member: str) -> None:
        """Add *member*, or move it to another time."""
        self._due[member] = self._changed[member] = due_us
        heappush(self.heap, (due_us, member))

    def drop(self, member: str) -> None:
        """Remove *member*, whether it was loaded or not."""
        self._due.pop(member, None)
        self._changed[member] = None
        if len(self.heap) > 2 * len(self._due) + STALE_MAX:
            self.heap[:] = [(due, member) for member, due in self._due.items()]
            heapify(self.heap)

    def pop_before(self, limit_us: int) -> str | None:
        """Remove and return the first member that is due before *limit_us*, if there is one."""
        heap = self.heap
        while heap and heap[0][0] < limit_us:
            due_us, member = heappop(heap)
            if self._due.get(member) == due_us:
                self.drop(member)
                return member
        return None

    def first_due(self) -> int | None:
        """Return the time of the first member, if there is one."""
        heap = self.heap
        while heap and self._due.get(heap[0][1]) != heap[0][0]:
            heappop(heap)
        return heap[0][0] if heap else None

    def waiting(self) -> ItemsView[str, int]:
        """Return all members with their times, in no order."""
        return self._due.items()

    def take_changes(self) -> tuple[dict[str, int], list[str]]:
        """Return what to write (member to due) and what to remove since the last call."""
        changed, self._changed = self._changed, {}
        return (
            {member: due for member, due in changed.items() if due is not None},
            [member for member, due in changed.items() if due is None],
        )


class DailyQueue(TimerQueue):
    """A queue of many members that share few times: the members of a time are sorted once, when it has come."""

    def __init__(self) -> None:
        super().__init__()
        self._at: dict[int, list[str]] = {}
        """Time to its members, and to some that have moved or gone since."""
        self._sorted_us = -1
        """The time whose members are sorted, the first one last."""

    def load(self, due_us: int, member: str) -> None:
        """See ``AgendaQueue.load``."""
        if self._due.get(member) != due_us:
            self._due[member] = due_us
            self._add(due_us, member)

    def put(self, due_us: int, member: str) -> None:
        """See ``AgendaQueue.put``."""
        self._due[member] = self._changed[member] = due_us
        self._add(due_us, member)

    def drop(self, member: str) -> None:
        """See ``AgendaQueue.drop``."""
        self._due.pop(member, None)
        self._changed[member] = None

    def pop_before(self, limit_us: int) -> str | None:
        """See ``AgendaQueue.pop_before``."""
        heap = self.heap
        while heap and (due_us := heap[0][0]) < limit_us:
            members = self._at[due_us]
            if due_us != self._sorted_us:
                members.sort(reverse=True)
                self._sorted_us = due_us
            while members:
                member = members.pop()
                if self._due.get(member) == due_us:
                    del self._due[member]
                    self._changed[member] = None
                    return member
            del self._at[due_us]
            heappop(heap)
        return None

    def _add(self, due_us: int, member: str) -> None:
        members = self._at.get(due_us)
        if members is None:
            self._at[due_us] = [member]
            heappush(self.heap, (due_us, ""))
        else:
            members.append(member)
        if due_us == self._sorted_us:
            self._sorted_us = -1
