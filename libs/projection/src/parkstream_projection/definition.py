"""What a projection is of: all that the engine needs to know of a domain.

A state is *entities* by name, and one *clock*: what there is once. Entities may wait for *timers*, each an ordered set
of members; a member begins with the name of its entity, and ``SEPARATOR`` ends that name.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple, Protocol, TypeVar

from parkstream_eventlog import LogKeys, Record

SEPARATOR: Final = "\x1f"

ClockT = TypeVar("ClockT")
EntityT = TypeVar("EntityT")
EventT = TypeVar("EventT")
RevisionT = TypeVar("RevisionT")
EventT_contra = TypeVar("EventT_contra", contravariant=True)
RevisionT_co = TypeVar("RevisionT_co", covariant=True)


class Item(NamedTuple):
    """What is emitted: *revision* of what goes by *key*, as JSON, and the trace that it goes on with."""

    key: str
    revision: int
    body: bytes
    traceparent: str | None


class Part(Protocol[EntityT, EventT_contra, RevisionT_co]):
    """The part of a state that one batch of events may touch, and the fold that works on it."""

    @property
    def entities(self) -> dict[str, EntityT]:
        """Those that are there, by name; the engine puts them in before it folds."""
        ...

    @property
    def fold(self) -> Callable[[EventT_contra], Sequence[RevisionT_co]]:
        """Take in the next event and return what is emitted because of it."""
        ...

    def wait(self, due: Sequence[Sequence[str]]) -> None:
        """Take in, per kind of timer, the members that come due; their entities are there."""
        ...

    def take_touched(self) -> set[str]:
        """Return the names of entities that changed since the last call; those that are gone are not there any more."""
        ...

    def take_timers(self) -> Sequence[tuple[Mapping[str, int], Sequence[str]]]:
        """Return, per kind of timer, what to write (member to due time) and what to remove since the last call."""
        ...


class Definition(Protocol[ClockT, EntityT, EventT, RevisionT]):
    """A domain's state, its fold, and what it emits. Nothing here may ask a clock, chance or the network."""

    @property
    def rules_version(self) -> int:
        """To be raised when the same records would give another state."""
        ...

    @property
    def entities(self) -> str:
        """What the hash of entities is called in Redis."""
        ...

    @property
    def timers(self) -> Sequence[str]:
        """What the sorted sets of timers are called in Redis."""
        ...

    @property
    def due_max(self) -> int:
        """How many members of the last kind of timer one record may make come due; of the others all do."""
        ...

    @property
    def new_clock(self) -> Callable[[], ClockT]:
        """Return the clock before the first record."""
        ...

    @property
    def decode_clock(self) -> Callable[[bytes, bytes | None], ClockT]:
        """Return the clock that ``state_hash.encode`` made these bytes of, with what was kept aside."""
        ...

    @property
    def aside_of(self) -> Callable[[ClockT], bytes]:
        """Return what is kept beside a clock, which has its digest, and written when it changed; that is seldom."""
        ...

    @property
    def decode_entity(self) -> Callable[[bytes], EntityT]:
        """Return the entity that ``state_hash.encode`` made these bytes of."""
        ...

    @property
    def event_of(self) -> Callable[[Record], EventT]:
        """Return the event in a record; one that cannot be read is an event too."""
        ...

    def names_in(self, event: EventT) -> Iterable[str]:
        """Return the names of the entities that *event* is about."""
        ...

    def stands_alone(self, event: EventT) -> bool:
        """Whether a batch ends with *event*, because it may touch very much."""
        ...

    def due_through(self, events: Sequence[EventT], clock: ClockT) -> Sequence[int]:
        """Return, per kind of timer, the time before which members may come due while *events* are folded."""
        ...

    def part(self, clock: ClockT) -> Part[EntityT, EventT, RevisionT]:
        """Return an empty part of the state whose clock is *clock*."""
        ...

    def item_of(self, revision: RevisionT) -> Item:
        """Return what is to be delivered of *revision*."""
        ...


AnyDefinition = Definition[Any, Any, Any, Any]


class ProjectionKeys(LogKeys, Protocol):
    """The names of a log's keys, and of the outbox beside it."""

    @property
    def outbox(self) -> str:
        """Stream: what is not delivered yet, stream id ``<position>-<n>``."""
        ...

    @property
    def outbox_meta(self) -> str:
        """Hash: emitted_through (position), live (projection version), emitted (so far), delivered, parked."""
        ...

    @property
    def outbox_parked(self) -> str:
        """Hash: outbox id to the item that the server refused, with its problem."""
        ...
