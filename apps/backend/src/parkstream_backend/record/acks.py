"""Acknowledgements in ranges: one frame for all that was recorded together; one by one past a dead letter that waits.

RabbitMQ numbers the deliveries of a channel 1, 2, 3, …, so *up to n* is safe exactly when 1 to n are all settled here.
A delivery that never reached a handler keeps its place open, and no later one acknowledges it.
"""

import asyncio
from collections.abc import Awaitable
from typing import Final, NamedTuple, Protocol

from aiormq.exceptions import AMQPError

CHANNEL_ERRORS: Final = (AMQPError, ConnectionError, RuntimeError)
"""What is raised when a channel has died."""


class Channel(Protocol):
    """What is needed of an AMQP channel."""

    @property
    def is_closed(self) -> bool:
        """Whether it died, and its delivery tags with it."""
        ...

    def basic_ack(self, delivery_tag: int, multiple: bool = ..., wait: bool = ...) -> Awaitable[None]:  # noqa: FBT001
        """Acknowledge *delivery_tag*, and with *multiple* all before it."""
        ...

    def basic_nack(self, delivery_tag: int, *, wait: bool = ...) -> Awaitable[None]:
        """Let *delivery_tag* go back to its queue."""
        ...


class Due(NamedTuple):
    """What is to be acknowledged now: each of *single* first, then all up to *upto*, if any."""

    single: list[int]
    upto: int | None


class Window:
    """The deliveries of one channel that are settled, but lie behind one that is not.

    One that is *late* waits for long, until its dead letter is confirmed, and keeps nothing waiting: those behind it
    are acknowledged one by one, since a range would include it.
    """

    def __init__(self) -> None:
        self.reached = 0
        """Every tag up to it is acknowledged, or late."""
        self._settled: set[int] = set()
        self._late: set[int] = set()
        self._passed: set[int] = set()
        """Those that are late, and not after what was reached."""
        self._released: list[int] = []
        self._returned: set[int] = set()

    def hold(self, tag: int) -> None:
        """Note that *tag* will be settled late."""
        self._late.add(tag)

    def settle(self, tag: int) -> None:
        """Note that *tag* may be acknowledged."""
        self._late.discard(tag)
        if tag in self._passed:
            self._passed.remove(tag)
            self._released.append(tag)
        else:
            self._settled.add(tag)

    def give_back(self, tag: int) -> None:
        """Note that *tag*, which was late, is not here any more, and must not be acknowledged."""
        self._late.discard(tag)
        if tag in self._passed:
            self._passed.remove(tag)
        else:
            self._returned.add(tag)

    def advance(self) -> Due:
        """Return what may be acknowledged, and was not returned before."""
        single, self._released = self._released, []
        upto = None
        while True:
            tag = self.reached + 1
            if tag in self._settled:
                self._settled.remove(tag)
                if self._passed:
                    single.append(tag)
                else:
                    upto = tag
            elif tag in self._late:
                self._late.remove(tag)
                self._passed.add(tag)
            elif tag in self._returned:
                self._returned.remove(tag)
            else:
                return Due(single, upto)
            self.reached = tag


class Acks:
    """The windows of all channels; a window is forgotten when its channel dies."""

    def __init__(self) -> None:
        self._windows: Final[dict[Channel, Window]] = {}
        self._flushing: Final[dict[Channel, asyncio.Task[None]]] = {}

    def hold(self, channel: Channel, tag: int) -> None:
        """Let *tag* of *channel* be settled late, without those behind it waiting for that."""
        if (window := self._window(channel)) is not None:
            window.hold(tag)
            self._flush_soon(channel, window)

    def settle(self, channel: Channel, tag: int) -> None:
        """Acknowledge *tag* of *channel*, together with all that is settled in the same turn of the loop."""
        if (window := self._window(channel)) is not None:
            window.settle(tag)
            self._flush_soon(channel, window)

    async def give_back(self, channel: Channel, tag: int) -> None:
        """Let *tag* of *channel*, which is late, go back to its queue; only then may a range go past it."""
        if (window := self._window(channel)) is not None:
            try:
                await channel.basic_nack(tag, wait=False)
            except CHANNEL_ERRORS:
                self._windows.pop(channel, None)  # It goes back with its channel.
                return
            window.give_back(tag)
            self._flush_soon(channel, window)

    @property
    def channels(self) -> int:
        """How many channels have a window."""
        return len(self._windows)

    def _window(self, channel: Channel) -> Window | None:
        if channel.is_closed:
            self._windows.pop(channel, None)
            return None
        return self._windows.get(channel) or self._open(channel)

    def _open(self, channel: Channel) -> Window:
        for dead in [known for known in self._windows if known.is_closed]:
            del self._windows[dead]
        window = self._windows[channel] = Window()
        return window

    def _flush_soon(self, channel: Channel, window: Window) -> None:
        if channel not in self._flushing:
            self._flushing[channel] = asyncio.create_task(self._flush(channel, window))

    async def _flush(self, channel: Channel, window: Window) -> None:
        """Acknowledge what is due, one after the other: RabbitMQ closes a channel for a tag that a range included."""
        try:
            while any(due := window.advance()):
                for tag in due.single:
                    await channel.basic_ack(tag, multiple=False, wait=False)
                if due.upto is not None:
                    await channel.basic_ack(due.upto, multiple=True, wait=False)
        except CHANNEL_ERRORS:
            # The channel died: RabbitMQ delivers all of it again, and the log knows each record.
            self._windows.pop(channel, None)
        finally:
            del self._flushing[channel]
