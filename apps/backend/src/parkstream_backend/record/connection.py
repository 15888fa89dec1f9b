"""How a backend comes to RabbitMQ: it starts without it, and waits until it is there."""

from typing import Final

from aio_pika.exceptions import CONNECTION_EXCEPTIONS, AMQPChannelError
from faststream.rabbit import RabbitBroker
from parkstream_messaging import DEAD_LETTERS, DEAD_LETTERS_EXCHANGE, MessagingError, declare_queue, declare_work_queues
from parkstream_service.retry import OnRetry, retried

FIRST_SECONDS: Final = 0.2
MOST_SECONDS: Final = 5.0


async def start_broker(broker: RabbitBroker, on_retry: OnRetry) -> None:
    """Connect, declare the work queues and subscribe, again and again until all of it is done.

    Raises what does not pass, if only by somebody's doing. A process without subscribers needs no RabbitMQ.
    """
    if not broker.subscribers:
        return

    async def start() -> None:
        try:
            await broker.connect()
            await declare_work_queues(broker)
            await _declare_dead_letters(broker, on_retry)
            for subscriber in broker.subscribers:
                subscriber.running = True  # FastStream drops what is delivered before it has set this itself.
            await broker.start()
        except (*CONNECTION_EXCEPTIONS, MessagingError):
            await broker.stop()
            raise

    await retried(start, when=_is_away, on_retry=on_retry, first_seconds=FIRST_SECONDS, most_seconds=MOST_SECONDS)


async def _declare_dead_letters(broker: RabbitBroker, on_retry: OnRetry) -> None:
    """Declare their queue if that can be; who publishes to it tries again, and holds back no recording meanwhile."""
    try:
        await declare_queue(broker, DEAD_LETTERS, DEAD_LETTERS_EXCHANGE)
    except (AMQPChannelError, MessagingError) as error:
        on_retry(error)


def _is_away(error: Exception) -> bool:
    return isinstance(error, (*CONNECTION_EXCEPTIONS, MessagingError))
