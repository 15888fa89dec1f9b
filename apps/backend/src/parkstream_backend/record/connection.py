"""How a backend comes to RabbitMQ: it starts without it, and waits until it is there."""

from typing import Final

from aio_pika.exceptions import CONNECTION_EXCEPTIONS
from faststream.rabbit import RabbitBroker
from parkstream_messaging import MessagingError, declare_work_queues
from parkstream_service.retry import OnRetry, retried

FIRST_SECONDS: Final = 0.2
MOST_SECONDS: Final = 5.0


async def start_broker(broker: RabbitBroker, on_retry: OnRetry) -> None:
    """Connect, declare the work queues and subscribe, again and again until all of it is done.

    The dead letters are declared by who publishes them: they hold back no recording. A process without subscribers
    needs no RabbitMQ.
    """
    if not broker.subscribers:
        return

    async def start() -> None:
        try:
            await broker.connect()
            await declare_work_queues(broker)
            for subscriber in broker.subscribers:
                subscriber.running = True  # FastStream drops what is delivered before it has set this itself.
            await broker.start()
        except (*CONNECTION_EXCEPTIONS, MessagingError):
            await broker.stop()
            raise

    await retried(start, when=_is_away, on_retry=on_retry, first_seconds=FIRST_SECONDS, most_seconds=MOST_SECONDS)


def _is_away(error: Exception) -> bool:
    return isinstance(error, (*CONNECTION_EXCEPTIONS, MessagingError))
