"""What is to be sent, how, and what came of it."""

from msgspec import Struct
from parkstream_events.sightings import Direction
from parkstream_events.topology import EVENTS_EXCHANGE

from parkstream_devtools.republish.messages import Message


class Plan(Struct, frozen=True, kw_only=True):
    """Positions (by default all), pace (``speed`` None: flat out), where to, and what is changed on the way.

    ``shift_seconds`` moves the times at which sightings happened; ``as_if_now`` so that the first of them is now.
    """

    first: int | None = None
    last: int | None = None
    speed: float | None = 1.0
    exchange: str = EVENTS_EXCHANGE
    new_ids: bool = False
    as_if_now: bool = False
    shift_seconds: int | None = None


class NoRangeError(ValueError):
    """The log does not have the positions that are to be sent."""

    def __init__(self, first: int, last: int, end: int) -> None:
        super().__init__(f"positions {first} to {last}: the log has 1 to {end}" if end else "the log is empty")


class Report(Struct, kw_only=True):
    """What was sent. ``through``: all sightings up to this position are confirmed, or were passed over."""

    exchange: str
    first: int
    last: int
    new_ids: bool
    through: int
    entries: int = 0
    exits: int = 0
    decisions: int = 0
    """Passed over: no camera sends them."""
    unreadable: int = 0
    """Passed over too."""
    unconfirmed: int = 0
    """Sent perhaps: whether RabbitMQ took them is not known."""
    shift_seconds: int = 0
    seconds: float = 0.0
    behind_seconds: float = 0.0
    """The most that a sighting was sent later than its pace asked for."""
    stopped_by: int | None = None
    """The signal that ended it before its time."""
    problem: str | None = None
    go_on_with: str | None = None
    """The command that sends the rest, for whoever prints it."""

    def count(self, message: Message) -> None:
        """Note that RabbitMQ confirmed *message*."""
        if message.direction is Direction.ENTRY:
            self.entries += 1
        else:
            self.exits += 1

    @property
    def sent(self) -> int:
        """How many sightings RabbitMQ confirmed."""
        return self.entries + self.exits
