"""Questions to services and servers over the network, each with a deadline."""

import os
import ssl
from http import HTTPStatus
from types import TracebackType
from typing import Final, Self, TypeVar

import aiohttp
import msgspec
from aio_pika import connect
from aio_pika.abc import AbstractChannel, AbstractConnection
from aio_pika.exceptions import AMQPError
from parkstream_events.topology import DEAD_LETTERS_QUEUE, WORK_QUEUES
from parkstream_service.settings import hosts_of

AnswerT = TypeVar("AnswerT")
ASK_SECONDS: Final = 5.0
BROKER: Final = "RabbitMQ"


class UnreachableError(Exception):
    """Nobody answered at *url*, which may be ``BROKER``, or not as expected."""

    def __init__(self, url: str, why: str) -> None:
        self.url = url if url == BROKER else hosts_of(url)
        super().__init__(f"{self.url}: {why}")
        self.why = why


class Check(msgspec.Struct, frozen=True):
    """One thing that a service looked at."""

    detail: str = ""


class Checked(msgspec.Struct, frozen=True):
    """The body of ``/health/ready``."""

    checks: dict[str, Check]


class ServiceClient:
    """Asks services for JSON; one HTTP session for all of them."""

    def __init__(self, token: str | None = None) -> None:
        self._headers = {"authorization": f"Bearer {token}"} if token else {}
        self._timeout = aiohttp.ClientTimeout(total=ASK_SECONDS)
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(headers=self._headers, timeout=self._timeout)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._open.close()

    async def get(self, url: str, answer: type[AnswerT]) -> AnswerT:
        """Return what *url* answers; raise ``UnreachableError``."""
        body = await self._request("GET", url)
        try:
            return msgspec.json.decode(body, type=answer)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise UnreachableError(url, f"no answer of ours, another program is there: {error}") from error

    async def problems(self, url: str) -> dict[str, str]:
        """Return what the service at *url* says it misses, by what it looked at; raise ``UnreachableError``."""
        ready = f"{url}/health/ready"
        body = await self._request("GET", ready, also=HTTPStatus.SERVICE_UNAVAILABLE)
        try:
            checks = msgspec.json.decode(body, type=Checked).checks
        except msgspec.DecodeError as error:
            raise UnreachableError(
                ready, f"an answer that is none of ours: {body[:200].decode(errors='replace')}"
            ) from error
        return {name: check.detail for name, check in checks.items() if check.detail}

    async def post(self, url: str) -> None:
        """Post nothing to *url*; raise ``UnreachableError``."""
        await self._request("POST", url)

    async def _request(self, method: str, url: str, *, also: int = HTTPStatus.OK) -> bytes:
        try:
            async with self._open.request(method, url) as response:
                body = await response.read()
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise UnreachableError(url, reason(error)) from error
        if not response.ok and response.status != also:
            raise UnreachableError(url, f"HTTP {response.status} {body[:200].decode(errors='replace')}")
        return body

    @property
    def _open(self) -> aiohttp.ClientSession:
        assert self._session is not None
        return self._session


class Queues(msgspec.Struct, frozen=True, kw_only=True):
    """How many messages wait, by queue."""

    waiting: dict[str, int]

    @property
    def work(self) -> int:
        """Messages that wait in the work queues."""
        return sum(self.waiting.get(name, 0) for name in WORK_QUEUES)

    @property
    def dead(self) -> int:
        """Dead letters."""
        return self.waiting.get(DEAD_LETTERS_QUEUE, 0)


async def queues(channel: AbstractChannel) -> Queues:
    """Count what waits in our queues; raise ``UnreachableError`` when one is missing or RabbitMQ is."""
    try:
        found = {name: await channel.declare_queue(name, passive=True) for name in [*WORK_QUEUES, DEAD_LETTERS_QUEUE]}
    except AMQPError as error:
        raise UnreachableError(BROKER, reason(error)) from error
    return Queues(waiting={name: queue.declaration_result.message_count or 0 for name, queue in found.items()})


async def connected(url: str) -> AbstractConnection:
    """Connect to RabbitMQ; raise ``UnreachableError``."""
    try:
        return await connect(url, timeout=ASK_SECONDS)
    except (OSError, TimeoutError, ValueError, AMQPError) as error:
        raise UnreachableError(hosts_of(url), reason(error)) from error


def reason(error: Exception) -> str:
    """Return why nobody answered, in the words of the system where it has any."""
    cause = error if isinstance(error, OSError) else error.__context__
    for one in (error, error.__cause__, error.__context__):
        if isinstance(one, ssl.SSLError):  # Its number is none of the system's, and others copy it.
            return str(one)
    if isinstance(cause, OSError) and cause.errno is not None and cause.errno > 0:
        return os.strerror(cause.errno)
    return str(error) or type(error).__name__
