"""The marks of a mall's log in RabbitMQ: a stream, of which nothing is taken, so that any number may read all of it.

RabbitMQ blocks a connection that publishes while memory or disk is short, so whoever renews has a connection for that
alone. How many marks there are it cannot say after a restart: a reader publishes a probe and reads up to that. While it
cannot publish either, what the stream gives until it is quiet has to do, and a mark that comes later is compared then.
"""

import asyncio
from contextlib import suppress
from typing import Any, Final
from uuid import uuid4

import aio_pika
from aio_pika import DeliveryMode, Message
from aio_pika.abc import AbstractChannel, AbstractConnection, AbstractExchange, AbstractIncomingMessage
from aio_pika.exceptions import CONNECTION_EXCEPTIONS, AMQPError, ChannelNotFoundEntity
from aiormq.exceptions import ChannelInvalidStateError
from parkstream_events import marks
from parkstream_events.marks import Mark, MarkError
from parkstream_events.topology import MARK_EXCHANGE, MARK_QUEUE, MARK_QUEUE_ARGUMENTS
from parkstream_service.redis import PassingError
from parkstream_service.retry import uncancelled

from parkstream_messaging.confirmed_channel import is_blocked
from parkstream_messaging.errors import MessagingError
from parkstream_messaging.nodes import Nodes

ANSWER_SECONDS: Final = 5.0
READ_SECONDS: Final = 15.0
"""To connect, declare and read it all, also on a machine that is very busy; each time anew."""
CLOSE_SECONDS: Final = 1.0
QUIET_SECONDS: Final = 1.0
"""How long a stream that is read gives nothing when there is no more; a chunk follows the other within milliseconds."""
HEARTBEAT_SECONDS: Final = 5
PREFETCH: Final = 500
PROBE: Final = b"{}"
BLOCKED: Final = "RabbitMQ takes no messages while its memory or disk is short (see rabbitmqctl status)"
FAILURES: Final = (*CONNECTION_EXCEPTIONS, AMQPError, ChannelInvalidStateError, TimeoutError)


class MarkUnreachableError(MessagingError, PassingError):
    """Nobody knows what the mark is, or it was not renewed."""

    def __init__(self, error: Exception, *, read: bool, blocked: bool = False) -> None:
        what = "read" if read else "renewed"
        why = BLOCKED if blocked else f"{type(error).__name__} {error}".rstrip()
        super().__init__(f"the mark cannot be {what}: {why}")


class MarkStream:
    """The marks in the RabbitMQ at *url*; who *declares* mends the stream, others only make it when it is not there."""

    def __init__(self, url: str, *, declares: bool = False) -> None:
        self._declares = declares
        self.newest: Mark | None = None
        """Of all that were read; of two malls that which stands first in the stream has this RabbitMQ's vhost."""
        self._owner = ""
        """Whose mark stands first in the stream."""
        self._last: Mark | None = None
        self._reader = _Link(Nodes(url, heartbeat_seconds=HEARTBEAT_SECONDS))
        self._publisher = _Link(Nodes(url, heartbeat_seconds=HEARTBEAT_SECONDS))
        self._tag = ""
        self._probe = ""
        self._read_all = asyncio.Event()
        self._read_at: float | None = None
        """When the last mark came since the stream is read from its start, on the clock of the loop."""

    @property
    def follows(self) -> bool:
        """Whether every mark is read as it is published."""
        return self._read_all.is_set() and self._reader.consumes(self._tag)

    async def follow(self) -> None:
        """Return when all marks up to now are read, and go on reading; raise ``MarkUnreachableError``."""
        if self.follows:
            return
        self._read_all.clear()
        try:
            async with asyncio.timeout(READ_SECONDS):
                await uncancelled(self._read_all_up_to_a_probe)
        except FAILURES as error:
            if isinstance(error, TimeoutError) and self._is_quiet():
                await self._publisher.close()  # RabbitMQ reads nothing from it: memory or disk is short.
                self._read_all.set()
                return
            blocked = await self._publisher.is_blocked()
            await self.close()
            raise MarkUnreachableError(error, read=True, blocked=blocked) from error

    async def renew(self, mark: Mark) -> None:
        """Publish *mark*, or the newest when that is newer, unless it is the last already."""
        if self.newest is not None:
            mark = marks.newest_of(mark, self.newest)
        if mark == self._last:
            return
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                message = Message(marks.encode(mark), delivery_mode=DeliveryMode.PERSISTENT)
                await uncancelled(lambda: self._publish(message))
        except FAILURES as error:
            blocked = await self._publisher.is_blocked()
            await self._publisher.close()
            raise MarkUnreachableError(error, read=False, blocked=blocked) from error
        self._take(mark)

    async def claim(self, mark: Mark) -> None:
        """Publish *mark*, the first of its mall, and read it back: ``newest`` is another mall's that was faster."""
        await self.renew(mark)
        try:
            async with asyncio.timeout(READ_SECONDS):
                await uncancelled(self._read_up_to_a_probe)
        except FAILURES as error:
            blocked = await self._publisher.is_blocked()
            await self.close()
            raise MarkUnreachableError(error, read=True, blocked=blocked) from error

    async def close(self) -> None:
        """Close both connections."""
        await self._reader.close()
        await self._publisher.close()

    def _is_quiet(self) -> bool:
        """Whether marks came, and no more do; where none came nobody knows whether there are any."""
        if self._read_at is None or not self._reader.consumes(self._tag):
            return False
        return asyncio.get_running_loop().time() - self._read_at >= QUIET_SECONDS

    async def _read_all_up_to_a_probe(self) -> None:
        await self._read_from_the_first()
        await self._read_up_to_a_probe()

    async def _read_up_to_a_probe(self) -> None:
        self._read_all.clear()
        self._probe = uuid4().hex
        await self._publish(Message(PROBE, message_id=self._probe))
        await self._read_all.wait()

    async def _read_from_the_first(self) -> None:
        await self._reader.close()
        self._read_at, self._owner = None, ""
        if self._declares or not await self._is_there():
            await _declare(await self._reader.opened())
        channel = await self._reader.opened()
        await channel.set_qos(PREFETCH)
        queue = await channel.declare_queue(MARK_QUEUE, passive=True)
        self._tag = await queue.consume(self._on_message, arguments={"x-stream-offset": "first"})

    async def _is_there(self) -> bool:
        channel = await self._reader.opened()
        try:
            await channel.declare_exchange(MARK_EXCHANGE, passive=True)
            await channel.declare_queue(MARK_QUEUE, passive=True)
        except ChannelNotFoundEntity:
            return False
        return True

    async def _publish(self, message: Message) -> None:
        exchange = await self._publisher.exchange()
        await exchange.publish(message, routing_key="")

    async def _on_message(self, message: AbstractIncomingMessage) -> None:
        if message.body == PROBE:
            self._last = None
            if message.message_id == self._probe:
                self._read_all.set()
        else:
            self._read_at = asyncio.get_running_loop().time()
            try:
                self._read(marks.decode(message.body))
            except MarkError:
                self._last = None  # Whatever it is, the newest mark has to stand behind it.
        await message.ack()

    def _read(self, mark: Mark) -> None:
        if not self._owner:
            self._owner = mark.mall
            if self.newest is not None and self.newest.mall != mark.mall:
                self.newest = None  # The stream was made anew, or another mall was faster.
        self._take(mark)

    def _take(self, mark: Mark) -> None:
        self._last = mark
        self.newest = mark if self.newest is None else marks.newest_of(self.newest, mark)


async def _declare(channel: AbstractChannel) -> None:
    exchange = await channel.declare_exchange(MARK_EXCHANGE, aio_pika.ExchangeType.FANOUT, durable=True)
    arguments: Any = MARK_QUEUE_ARGUMENTS
    await (await channel.declare_queue(MARK_QUEUE, durable=True, arguments=arguments)).bind(exchange)


async def last_mark(url: str) -> Mark | None:
    """Return the mark in the RabbitMQ at *url*, None where there is none; raise ``MarkUnreachableError``."""
    stream = MarkStream(url)
    try:
        await stream.follow()
        if stream.newest is not None:
            with suppress(MarkUnreachableError):  # Whoever starts next reads further back: it was read all the same.
                await stream.renew(stream.newest)  # It stays the last one, behind what was published to read it.
        return stream.newest
    finally:
        await stream.close()


class _Link:
    """A connection with one channel, which confirms what is published."""

    def __init__(self, nodes: Nodes) -> None:
        self._nodes = nodes
        self._connection: AbstractConnection | None = None
        self._channel: AbstractChannel | None = None
        self._underlay: Any = None

    async def opened(self) -> AbstractChannel:
        if self._channel is None or self._channel.is_closed:
            await self.close()
            self._connection = await self._nodes.connect()
            self._channel = await self._connection.channel(on_return_raises=True)
            self._underlay = await self._channel.get_underlay_channel()
        return self._channel

    async def exchange(self) -> AbstractExchange:
        return await (await self.opened()).get_exchange(MARK_EXCHANGE, ensure=False)

    async def is_blocked(self) -> bool:
        """Whether RabbitMQ takes nothing that is published here."""
        return await is_blocked(self._connection)

    def consumes(self, tag: str) -> bool:
        """Whether the consumer *tag* is there: RabbitMQ ends it with its queue."""
        underlay = self._underlay
        return bool(underlay is not None and not underlay.is_closed and tag in underlay.consumers)

    async def close(self) -> None:
        connection, self._connection, self._channel, self._underlay = self._connection, None, None, None
        if connection is None:
            return
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await connection.close()
        except FAILURES:
            return  # It is closed one way or the other.
