"""One POST of summaries, and what its answer means."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Annotated, Final
from urllib.parse import unquote, urlsplit

import aiohttp
import msgspec
from parkstream_events.marks import LOG_HEADER
from parkstream_events.summaries import SENT_AT_HEADER, ItemResult, PostResults
from parkstream_events.wire import UNREADABLE
from parkstream_service.http import MEDIA_TYPE as PROBLEM_TYPE

TRY_SECONDS: Final = 5.0
RETRY_AFTER_SECONDS_MAX: Final = 5.0
"""Longer than our own server asks for; a stranger in between must not stop the delivery for hours."""
ANSWER_BYTES_MAX: Final = 1024 * 1024
PROBLEM_LENGTH_MAX: Final = 500
OK: Final = 200
REFUSED: Final = frozenset({400, 413, 422})
OUR_PROBLEMS: Final = "urn:parkstream:"
FORBIDDEN: Final = frozenset({401, 403})
_PORTS: Final = {"http": 80, "https": 443}


class _OurProblem(msgspec.Struct):
    type: Annotated[str, msgspec.Meta(pattern=f"^{OUR_PROBLEMS}")]


_decode_problem = msgspec.json.Decoder(_OurProblem).decode
_decode = msgspec.json.Decoder(PostResults).decode


class PostError(Exception):
    """The summaries are not known to be kept; *problem* is why."""

    def __init__(self, problem: str, status_code: int | None = None, public: str = "") -> None:
        super().__init__(problem)
        self.problem = problem
        self.status_code = status_code
        otherwise = ", and not as ours does" if status_code == OK else ""
        self.public = public or (problem if status_code is None else f"the server answered {status_code}{otherwise}")
        """Without the words of the server, which may name a plate."""


class UnavailableError(PostError):
    """The server may take them later; not before *retry_after_seconds*."""

    def __init__(
        self, problem: str, status_code: int | None = None, *, public: str = "", retry_after_seconds: float = 0.0
    ) -> None:
        super().__init__(problem, status_code, public)
        self.retry_after_seconds = retry_after_seconds


class ForbiddenError(PostError):
    """The server does not let us in: nothing will be taken until somebody sets the token right."""


class RefusedError(PostError):
    """The server, and nobody in between, takes no such request: at least one of the summaries is at fault."""


def new_session() -> aiohttp.ClientSession:
    """Return a session for the summary API, which sets no cookies; those of strangers would be kept for ever."""
    return aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar())


class SummaryApi:
    """The summary API at *url*, called through *session*.

    *token* returns our credential, *log_name* which log the summaries are of.
    """

    def __init__(
        self,
        session: aiohttp.ClientSession,
        url: str,
        token: Callable[[], str | None],
        log_name: Callable[[], str] = str,
    ) -> None:
        parts = urlsplit(url)
        self.address = parts.hostname or "", parts.port or _PORTS.get(parts.scheme, 0)
        """Its host and port."""
        self._session = session
        self._log_name = log_name
        bare = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()  # Errors name it.
        self._url = f"{bare.rstrip('/')}/v1/summaries"
        self._headers = {"Content-Type": "application/json", "Accept-Encoding": "identity"}
        if parts.username:
            basic = aiohttp.BasicAuth(unquote(parts.username), unquote(parts.password or ""))
            self._headers["Authorization"] = basic.encode()
        self._token = token
        self._timeout = aiohttp.ClientTimeout(total=TRY_SECONDS)

    async def post(
        self, items: Sequence[bytes], traceparent: str | None = None, sent_at_us: int | None = None
    ) -> list[ItemResult]:
        """Return one result per item of *items* (each the JSON of a ``SummaryItem``); raise ``PostError`` otherwise.

        *sent_at_us* is since when they are being delivered.
        """
        headers = self._headers.copy()
        if token := self._token():
            headers["Authorization"] = f"Bearer {token}"
        if name := self._log_name():
            headers[LOG_HEADER] = name
        if traceparent is not None:
            headers["traceparent"] = traceparent
        if sent_at_us is not None:
            headers[SENT_AT_HEADER] = str(sent_at_us)
        try:
            async with self._session.post(
                self._url,
                data=b"[" + b",".join(items) + b"]",
                headers=headers,
                timeout=self._timeout,
                allow_redirects=False,
                auto_decompress=False,
            ) as response:
                body = await _body_of(response)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            nothing = f"no answer from {self._url}: {type(error).__name__}"
            public = (
                f"{nothing} {error}".rstrip() if isinstance(error, OSError) else nothing
            )  # Others quote the answer.
            raise UnavailableError(f"{nothing} {error}".rstrip(), public=public) from error
        if response.status != OK:
            raise _error_of(response, body)
        return _results_of(body, len(items))


async def _body_of(response: aiohttp.ClientResponse) -> bytes:
    """Return the body; raise ``UnavailableError`` for one that our server does not send: compressed, or too long."""
    encoding = response.headers.get("Content-Encoding", "identity")
    if encoding != "identity":
        problem = f"{response.status}: the answer is compressed ({encoding[:20]}), which was not asked for"
        raise UnavailableError(problem, response.status)
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > ANSWER_BYTES_MAX:
            problem = f"{response.status}: the answer is longer than {ANSWER_BYTES_MAX} bytes"
            raise UnavailableError(problem, response.status)
    return bytes(body)


def _results_of(body: bytes, count: int) -> list[ItemResult]:
    try:
        results = _decode(body).results
    except UNREADABLE as error:
        problem = f"the answer is not what POST /v1/summaries gives: {error}"
        raise UnavailableError(problem, OK) from error
    if len(results) != count:
        problem = f"the answer has {len(results)} results for {count} summaries"
        raise UnavailableError(problem, OK)
    return results


def _error_of(response: aiohttp.ClientResponse, body: bytes) -> PostError:
    """Return what an answer other than 200 means; only a problem document of our own server is a verdict."""
    status, problem = response.status, f"{response.status}: {body.decode(errors='replace')[:PROBLEM_LENGTH_MAX]}"
    if status in REFUSED and response.content_type == PROBLEM_TYPE and _is_ours(body):
        return RefusedError(problem, status)
    if status in FORBIDDEN:
        return ForbiddenError(problem, status)
    pause_seconds = retry_after_seconds(response.headers.get("Retry-After", ""), datetime.now(UTC))
    return UnavailableError(problem, status, retry_after_seconds=pause_seconds)


def _is_ours(body: bytes) -> bool:
    try:
        _decode_problem(body)
    except UNREADABLE:
        return False
    return True


def retry_after_seconds(value: str, now: datetime) -> float:
    """Return how long the header ``Retry-After`` asks to wait: a number of seconds, or a date (RFC 9110, 10.2.3)."""
    try:
        seconds = float(value) if value.strip().isdigit() else (parsedate_to_datetime(value) - now).total_seconds()
    except (ValueError, TypeError, OverflowError):
        return 0.0
    return min(max(seconds, 0.0), RETRY_AFTER_SECONDS_MAX)
