"""What a log must know of its domain: which types are appended, under which letters, and the origin of an event."""

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple, Protocol

from parkstream_eventlog.errors import NotTakenError

DECISION: Final = "D"
"""The letter that ids of decisions are kept under."""
CACHED_MAX: Final = 1_000


class Origin(NamedTuple):
    """Where an event comes from: when it happened, and the category whose latest position the log keeps."""

    event_time_us: int
    category: str


class Schema(Protocol):
    """What the log cannot know by itself; any object with these two will do.

    It may also have ``brief``: the types, without their version, of decisions that come so often that their ids are not
    kept for long. Such an id must not come again after a day.
    """

    @property
    def letters(self) -> Mapping[str, str]:
        """Each type that ``append`` takes, without its version, to the letter of its ids: A to Z, but not D.

        Types of one letter share their ids: the same letter, id and event time is the same event.
        """
        ...

    @property
    def origin_of(self) -> Callable[[str, bytes], tuple[int, str] | None]:
        """Return the origin of the event that a body holds as a type; None when it cannot be read."""
        ...


def is_brief(schema: Schema, type_: str) -> bool:
    """Return whether the ids of *type_* are kept for a day only."""
    return type_.rpartition(".v")[0] in getattr(schema, "brief", ())


class Letters(dict[str, str]):
    """The letter of each type, version and all, that was asked for; ``DECISION`` for what only ``decide`` takes."""

    def __init__(self, schema: Schema) -> None:
        super().__init__()
        self._of = schema.letters

    def __missing__(self, type_: str) -> str:
        letter = self._of.get(type_.rpartition(".v")[0], DECISION)
        if len(self) < CACHED_MAX:
            self[type_] = letter
        return letter

    def of_event(self, type_: str) -> str:
        """Return the letter of a type that ``append`` takes; raise ``NotTakenError`` for another."""
        if (letter := self[type_]) == DECISION:
            raise NotTakenError(type_, self._of)
        return letter
