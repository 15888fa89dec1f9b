"""Questions to services over HTTP, each with a deadline and a bound on the answer."""

from collections.abc import Mapping
from http import HTTPStatus
from types import MappingProxyType, TracebackType
from typing import Self, TypeVar

import aiohttp
import msgspec

from parkstream_service.foreign_data import ANSWER_BYTES_MAX, UNREADABLE, TooLongError
from parkstream_service.unreachable import ASK_SECONDS, UnreachableError, reason

AnswerT = TypeVar("AnswerT")
OK, REDIRECTED = HTTPStatus.OK, HTTPStatus.MULTIPLE_CHOICES


class Check(msgspec.Struct, frozen=True):
    """One thing that a service looked at."""

    detail: str = ""


class Checked(msgspec.Struct, frozen=True):
    """The body of ``/health/ready``."""

    checks: dict[str, Check]


class ServiceClient:
    """Asks services for JSON; one HTTP session for all of them."""

    def __init__(self, token: str | None = None, headers: Mapping[str, str] = MappingProxyType({})) -> None:
        own = {"authorization": f"Bearer {token}"} if token else {}
        self._headers = {"accept-encoding": "identity", **own, **headers}
        self._timeout = aiohttp.ClientTimeout(total=ASK_SECONDS)
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(headers=self._headers, timeout=self._timeout, auto_decompress=False)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._open.close()

    async def get(self, url: str, answer: type[AnswerT]) -> AnswerT:
        """Return what *url* answers; raise ``UnreachableError``."""
        return _decoded(url, await self._request("GET", url), answer)

    async def ask(self, url: str, question: object, answer: type[AnswerT]) -> AnswerT:
        """Return what *url* answers to *question*, which is posted as JSON; raise ``UnreachableError``."""
        return _decoded(url, await self._request("POST", url, question=msgspec.json.encode(question)), answer)

    async def problems(self, url: str) -> dict[str, str]:
        """Return what the service at *url* says it misses, by what it looked at; raise ``UnreachableError``."""
        ready = f"{url}/health/ready"
        body = await self._request("GET", ready, also=HTTPStatus.SERVICE_UNAVAILABLE)
        try:
            checks = msgspec.json.decode(body, type=Checked).checks
        except UNREADABLE as error:
            raise UnreachableError(
                ready, f"an answer that is none of ours: {body[:200].decode(errors='replace')}"
            ) from error
        return {name: check.detail for name, check in checks.items() if check.detail}

    async def post(self, url: str) -> None:
        """Post nothing to *url*; raise ``UnreachableError``."""
        await self._request("POST", url)

    async def send(self, url: str, body: object) -> None:
        """Post *body*, as JSON, to *url*, whatever that answers; raise ``UnreachableError``."""
        await self._request("POST", url, question=msgspec.json.encode(body))

    async def _request(
        self, method: str, url: str, *, also: int = HTTPStatus.OK, question: bytes | None = None
    ) -> bytes:
        headers = {"content-type": "application/json"} if question is not None else {}
        try:
            async with self._open.request(
                method, url, data=question, headers=headers, allow_redirects=False
            ) as response:
                body = await _body_of(response)
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise UnreachableError(url, reason(error)) from error
        if not (OK <= response.status < REDIRECTED) and response.status != also:
            raise UnreachableError(url, f"HTTP {response.status} {body[:200].decode(errors='replace')}")
        return body

    @property
    def _open(self) -> aiohttp.ClientSession:
        assert self._session is not None
        return self._session


def _decoded(url: str, body: bytes, answer: type[AnswerT]) -> AnswerT:
    try:
        return msgspec.json.decode(body, type=answer)
    except UNREADABLE as error:
        raise UnreachableError(url, f"no answer of ours, another program is there: {error}") from error


async def _body_of(response: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > ANSWER_BYTES_MAX:
            raise TooLongError(ANSWER_BYTES_MAX, "the answer")
    return bytes(body)
