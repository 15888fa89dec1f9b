"""Acknowledgements in ranges: one frame for all that was recorded together.

RabbitMQ numbers the deliveries of a channel 1, 2, 3, …, so *up to n* is safe exactly when 1 to n are all settled here.
A delivery that never reached a handler keeps its place open, and no later one acknowledges it.
"""

import asyncio
from collections.abc import Awaitable
from typing import Final, Protocol

from aiormq.exceptions import AMQPError


class Channel(Protocol):
    """What is needed of an AMQP channel."""

    @property
    def is_closed(self) -> bool:
        """Whether it died, and its delivery tags with it."""
        ...

    def basic_ack(self, delivery_tag: int, multiple: bool = ..., wait: bool = ...) -> Awaitable[None]:  # noqa: FBT001
        """Acknowledge *delivery_tag*, and with *multiple* all before it."""
        ...


class Window:
    """The deliveries of one channel that are settled, but lie behind one that is not."""

    def __init__(self) -> None:
        self.acknowledged = 0
        """The highest tag that RabbitMQ knows to be acknowledged."""
        self._settled: set[int] = set()

    def settle(self, tag: int) -> None:
        """Note that *tag* may be acknowledged."""
        self._settled.add(tag)

    def advance(self) -> int | None:
        """Return the tag up to which everything is settled, if that is news."""
        upto = self.acknowledged
        while upto + 1 in self._settled:
            upto += 1
            self._settled.remove(upto)
        if upto == self.acknowledged:
            return None
        self.acknowledged = upto
        return upto


class Acks:
    """The windows of all channels; a window is forgotten when its channel dies."""

    def __init__(self) -> None:
        self._windows: Final[dict[Channel, Window]] = {}
        self._flushing: Final[dict[Channel, asyncio.Task[None]]] = {}

    def settle(self, channel: Channel, tag: int) -> None:
        """Acknowledge *tag* of *channel*, together with all that is settled in the same turn of the loop."""
        if channel.is_closed:
            self._windows.pop(channel, None)
            return
        window = self._windows.get(channel) or self._open(channel)
        window.settle(tag)
        if channel not in self._flushing:
            self._flushing[channel] = asyncio.create_task(self._flush(channel, window))

    @property
    def channels(self) -> int:
        """How many channels have a window."""
        return len(self._windows)

    def _open(self, channel: Channel) -> Window:
        for dead in [known for known in self._windows if known.is_closed]:
            del self._windows[dead]
        window = self._windows[channel] = Window()
        return window

    async def _flush(self, channel: Channel, window: Window) -> None:
        del self._flushing[channel]  # What is settled from here on needs a flush of its own.
        upto = window.advance()
        if upto is None:
            return
        try:
            await channel.basic_ack(upto, multiple=True, wait=False)
        except (AMQPError, ConnectionError, RuntimeError):
            # The channel died: RabbitMQ delivers all of it again, and the log knows each record.
            self._windows.pop(channel, None)
