"""A FastStream subscriber for RabbitMQ that hands over batches: what arrived while the batch before was at work.

FastStream has one for Kafka, none for RabbitMQ. There is no timer: a lone message is a batch of one, at once. A batch
is acknowledged as one range when its handler returns, and goes back to the queue when the handler raises; or the
handler settles its deliveries itself.

It leans on FastStream 0.7 (``process_message``) and aiormq (``Channel.consumers``): a contract test holds both to it.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from aiormq.abc import AbstractChannel, DeliveredMessage
from aiormq.exceptions import AMQPError
from faststream import AckPolicy, StreamMessage
from faststream.rabbit.broker.registrator import RabbitRegistrator
from faststream.rabbit.subscriber.config import RabbitSubscriberConfig
from faststream.rabbit.subscriber.factory import create_subscriber
from faststream.rabbit.subscriber.specification import RabbitSubscriberSpecification
from faststream.rabbit.subscriber.usecase import RabbitSubscriber
from pamqp import commands as spec

if TYPE_CHECKING:
    from aio_pika import IncomingMessage
    from faststream.rabbit import Channel, RabbitBroker, RabbitExchange, RabbitQueue

PREFETCH_COUNT = 500

_log = logging.getLogger(__name__)


class Delivery(NamedTuple):
    """One message as RabbitMQ delivered it; *tag* counts within its *channel*."""

    channel: AbstractChannel
    tag: int
    redelivered: bool
    exchange: str
    routing_key: str
    type: str | None
    message_id: str | None
    headers: Mapping[str, Any]
    body: bytes
    properties: spec.Basic.Properties


class BatchSubscriber(RabbitSubscriber):
    """Buffers what is delivered and calls its handler with ``list[Delivery]``, one batch at a time."""

    def __init__(
        self,
        config: RabbitSubscriberConfig,
        specification: RabbitSubscriberSpecification,
        calls: Any,  # noqa: ANN401 - a class that FastStream keeps to itself
        *,
        size_max: int,
        settles: bool,
    ) -> None:
        super().__init__(config, specification, calls)
        self._settles = settles
        self._size_max = size_max
        self._waiting: list[Delivery] = []
        self._channel: AbstractChannel | None = None
        self._consumed_over: AbstractChannel | None = None
        self._work: asyncio.Task[None] | None = None
        self._taken = 0
        self._ended = 0
        self._progress = asyncio.Event()

    async def handled(self) -> AbstractChannel | None:
        """Return when all that RabbitMQ had delivered before is handled: the channel, None when it does not consume.

        The channel answers after what it has delivered before; raises what it dies of.
        """
        if self._queue_obj is None:
            return None
        channel = await self._queue_obj.channel.get_underlay_channel()
        if self._consumer_tag not in channel.consumers:  # type: ignore[attr-defined]
            return None
        await asyncio.shield(channel.flow(active=True))  # An abandoned question would cost the channel.
        taken = self._taken
        while self._ended < taken:
            await self._progress.wait()
        return channel

    @property
    def taken(self) -> int:
        """How many deliveries have come so far."""
        return self._taken

    @property
    def consuming(self) -> bool:
        """Whether RabbitMQ delivers here: the channel is open, and nobody has cancelled the consumer."""
        channel: Any = self._consumed_over
        return channel is not None and not channel.is_closed and self._consumer_tag in channel.consumers

    async def start(self) -> None:
        """Consume, and take deliveries straight from the channel: no object and no task more than needed."""
        await super().start()
        assert self._queue_obj is not None
        await self._shorten()
        self._queue_obj.channel.reopen_callbacks.add(self._shorten)  # type: ignore[attr-defined]
        self._begin()

    async def stop(self) -> None:
        """Take nothing more, finish the batch at work; what waits goes back when the channel closes."""
        self._forget_waiting()
        if self._queue_obj is not None:
            self._queue_obj.channel.reopen_callbacks.discard(self._shorten)  # type: ignore[attr-defined]
        await super().stop()

    async def consume(self, msg: "IncomingMessage") -> None:
        """Take one delivery."""
        deliver = spec.Basic.Deliver(
            None, msg.delivery_tag, bool(msg.redelivered), msg.exchange or "", msg.routing_key or ""
        )
        self._take(_delivery(msg.channel, deliver, msg.properties, msg.body))
        self._shorten_at(msg.channel)  # A consumer that was cancelled, and came back with its queue, is aio-pika's.

    async def _shorten(self, *_: object) -> None:
        assert self._queue_obj is not None
        self._shorten_at(await self._queue_obj.channel.get_underlay_channel())

    def _shorten_at(self, channel: Any) -> None:  # noqa: ANN401 - aiormq's interface lacks the consumers
        self._consumed_over = channel
        if self._consumer_tag in channel.consumers:
            channel.consumers[self._consumer_tag] = self._delivered

    async def _delivered(self, message: DeliveredMessage) -> None:
        self._take(_delivery(message.channel, message.delivery, message.header.properties, message.body))

    def _take(self, delivery: Delivery) -> None:
        if delivery.channel.is_closed:
            return
        if delivery.channel is not self._channel:
            self._channel = delivery.channel
            self._forget_waiting()
        self._taken += 1
        self._waiting.append(delivery)
        self._begin()

    def _forget_waiting(self) -> None:
        """Leave what waits to RabbitMQ, which delivers it again."""
        self._end(len(self._waiting))
        self._waiting.clear()

    def _end(self, count: int) -> None:
        """Note that *count* more deliveries are handled, or no longer here."""
        self._ended += count
        self._progress.set()
        self._progress.clear()

    def _begin(self) -> None:
        if self.running and self._waiting and (self._work is None or self._work.done()):
            self._work = asyncio.create_task(self._work_off())

    async def _work_off(self) -> None:
        while self._waiting and self.running:
            batch, self._waiting = self._waiting[: self._size_max], self._waiting[self._size_max :]
            await self._hand_over(batch)

    async def _hand_over(self, batch: list[Delivery]) -> None:
        last = batch[-1]
        try:
            await self.process_message(batch)  # type: ignore[arg-type]
        except Exception:  # noqa: BLE001 - FastStream's middleware has logged it; the batch must not be lost
            await _settled(last.channel.basic_nack, last.tag)
        else:
            if self._settles:
                await _settled(last.channel.basic_ack, last.tag)
        finally:
            self._end(len(batch))


def _delivery(
    channel: AbstractChannel,
    deliver: Any,  # noqa: ANN401 - pamqp's classes are not typed
    properties: spec.Basic.Properties,
    body: bytes,
) -> Delivery:
    return Delivery(
        channel,
        deliver.delivery_tag,
        deliver.redelivered,
        deliver.exchange,
        deliver.routing_key,
        properties.message_type,
        properties.message_id,
        {} if properties.headers is None else properties.headers,
        body,
        properties,
    )


async def _settled(settle: Callable[..., Awaitable[Any]], tag: int) -> None:
    """Answer the range up to *tag*; with the channel gone, RabbitMQ delivers it again."""
    try:
        await settle(tag, multiple=True, wait=False)
    except (AMQPError, ConnectionError, RuntimeError) as error:
        _log.info("the channel died before the range up to %d was settled; it comes again: %r", tag, error)


async def _parse(batch: list[Delivery]) -> StreamMessage[list[Delivery]]:
    return StreamMessage(raw_message=batch, body=batch, message_id="", correlation_id="")


async def _decode(message: StreamMessage[list[Delivery]]) -> list[Delivery]:
    return message.raw_message


def batch_subscriber(  # noqa: PLR0913 - options by name
    broker: "RabbitBroker",
    queue: "RabbitQueue",
    exchange: "RabbitExchange",
    *,
    channel: "Channel",
    size_max: int | None = None,
    settles: bool = True,
) -> BatchSubscriber:
    """Return a decorator, as ``broker.subscriber`` does, for a handler that takes ``list[Delivery]``.

    A batch has at most *size_max* of them; half of the channel's prefetch by default, so that one fills while one is at
    work.
    Without *settles* the handler acknowledges what it was given; a batch that it raises for goes back all the same.
    """
    config: Any = broker.config
    asked: dict[str, Any] = {"queue": queue, "exchange": exchange, "channel": channel, "no_reply": True}
    described: dict[str, Any] = {"title_": None, "description_": None, "include_in_schema": True}
    manual = AckPolicy.MANUAL
    plain: Any = create_subscriber(**asked, **described, consume_args=None, ack_policy=manual, config=config)
    subscriber = BatchSubscriber(
        RabbitSubscriberConfig(**asked, _ack_policy=manual, _outer_config=config),
        plain.specification,
        plain.calls,
        size_max=size_max or max(1, (channel.prefetch_count or PREFETCH_COUNT) // 2),
        settles=settles,
    )
    super(RabbitRegistrator, broker).subscriber(subscriber)
    subscriber.add_call(parser_=_parse, decoder_=_decode, dependencies_=())
    return subscriber
