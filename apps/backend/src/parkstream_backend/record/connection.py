"""How a backend comes to RabbitMQ: it starts without it, waits until it is there, and watches that it stays."""

from collections.abc import Callable
from typing import Final

from aio_pika.exceptions import CONNECTION_EXCEPTIONS
from faststream.rabbit import RabbitBroker
from parkstream_messaging.batch_subscriber import BatchSubscriber
from parkstream_messaging.connection import PreparedBroker, make_broker
from parkstream_messaging.errors import MessagingError
from parkstream_messaging.nodes_watch import NodesWatch
from parkstream_messaging.topology import declare_work_queues
from parkstream_messaging.watch import Watch
from parkstream_service.retry import OnRetry, retried
from parkstream_telemetry import Telemetry, names

FIRST_SECONDS: Final = 0.2
MOST_SECONDS: Final = 5.0
NOT_SUBSCRIBED: Final = "not subscribed yet"
"""Without more: it is not time to try, since nobody knows yet which log this vhost is about."""


def reported_broker(url: str, telemetry: Telemetry, graceful_seconds: float) -> tuple[PreparedBroker, NodesWatch]:
    """Return a broker for *url* that reports each node it comes to, and what watches the others."""
    broker = make_broker(
        url,
        on_connected=lambda node: telemetry.log(names.EVENT_CONNECTED, node=node),
        graceful_seconds=graceful_seconds,
    )
    watch = NodesWatch(broker.nodes)
    telemetry.watch(names.RABBITMQ_NODES_AWAY, lambda: len(watch.away))
    return broker, watch


class Listener:
    """Subscribes *broker*, calls *on_started*, and watches its connection from then on."""

    def __init__(self, broker: RabbitBroker, watch: Watch, on_retry: OnRetry, on_started: Callable[[], None]) -> None:
        self._broker = broker
        self._watch = watch
        self._on_retry = on_retry
        self._on_started = on_started
        self._started = False
        self._failure = ""

    @property
    def problem(self) -> str:
        """What keeps deliveries from coming here; nothing when they come."""
        if self._started:
            return self._watch.problem
        return f"{NOT_SUBSCRIBED}: {self._failure}" if self._failure else NOT_SUBSCRIBED

    async def run(self) -> None:
        """Do so for ever; a process without subscribers needs no RabbitMQ."""
        subscribers = [one for one in self._broker.subscribers if isinstance(one, BatchSubscriber)]
        if subscribers:
            await start_broker(self._broker, self._failed)
        self._on_started()
        self._started = True
        if subscribers:
            await self._watch.run(await self._broker.connect(), subscribers)

    async def close(self) -> None:
        """Close what only watches."""
        await self._watch.close()

    def _failed(self, error: Exception) -> None:
        self._failure = str(error) if isinstance(error, MessagingError) else f"{type(error).__name__}: {error}"
        self._on_retry(error)


async def start_broker(broker: RabbitBroker, on_retry: OnRetry) -> None:
    """Connect, declare the work queues and subscribe, again and again until all of it is done.

    The dead letters are declared by who publishes them: they hold back no recording.
    """

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

    await retried(start, when=_passes, on_retry=on_retry, first_seconds=FIRST_SECONDS, most_seconds=MOST_SECONDS)


def _passes(error: Exception) -> bool:
    """Whether it passes, if only by somebody's doing."""
    return isinstance(error, (*CONNECTION_EXCEPTIONS, MessagingError))
