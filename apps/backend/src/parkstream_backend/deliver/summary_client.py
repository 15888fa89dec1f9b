"""One POST of summaries, and what its answer means."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final
from urllib.parse import urlsplit

import aiohttp
import msgspec
from parkstream_events.marks import LOG_HEADER
from parkstream_events.summaries import SENT_AT_HEADER, ItemResult, PostResults

TRY_SECONDS: Final = 5.0
RETRY_AFTER_SECONDS_MAX: Final = 60.0
PROBLEM_LENGTH_MAX: Final = 500
OK: Final = 200
REFUSED: Final = frozenset({400, 413, 422})
FORBIDDEN: Final = frozenset({401, 403})
_PORTS: Final = {"http": 80, "https": 443}


_decode = msgspec.json.Decoder(PostResults).decode


class PostError(Exception):
    """The summaries are not known to be kept; *problem* is why."""

    def __init__(self, problem: str, status_code: int | None = None) -> None:
        super().__init__(problem)
        self.problem = problem
        self.status_code = status_code


class UnavailableError(PostError):
    """The server may take them later; not before *retry_after_seconds*."""

    def __init__(self, problem: str, status_code: int | None = None, *, retry_after_seconds: float = 0.0) -> None:
        super().__init__(problem, status_code)
        self.retry_after_seconds = retry_after_seconds


class ForbiddenError(PostError):
    """The server does not let us in: nothing will be taken until somebody sets the token right."""


class RefusedError(PostError):
    """The server takes no such request: at least one of the summaries is at fault."""


class SummaryApi:
    """The summary API at *url*, called through *session*; *log_name* returns which log the summaries are of."""

    def __init__(
        self, session: aiohttp.ClientSession, url: str, token: str | None, log_name: Callable[[], str] = str
    ) -> None:
        parts = urlsplit(url)
        self.address = parts.hostname or "", parts.port or _PORTS.get(parts.scheme, 0)
        """Its host and port."""
        self._session = session
        self._log_name = log_name
        self._url = f"{url.rstrip('/')}/v1/summaries"
        self._headers = {"Content-Type": "application/json"}
        if token:
            self._headers["Authorization"] = f"Bearer {token}"
        self._timeout = aiohttp.ClientTimeout(total=TRY_SECONDS)

    async def post(
        self, items: Sequence[bytes], traceparent: str | None = None, sent_at_us: int | None = None
    ) -> list[ItemResult]:
        """Return one result per item of *items* (each the JSON of a ``SummaryItem``); raise ``PostError`` otherwise.

        *sent_at_us* is since when they are being delivered.
        """
        headers = self._headers.copy()
        if name := self._log_name():
            headers[LOG_HEADER] = name
        if traceparent is not None:
            headers["traceparent"] = traceparent
        if sent_at_us is not None:
            headers[SENT_AT_HEADER] = str(sent_at_us)
        try:
            async with self._session.post(
                self._url, data=b"[" + b",".join(items) + b"]", headers=headers, timeout=self._timeout
            ) as response:
                body = await response.read()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            problem = f"no answer from {self._url}: {type(error).__name__} {error}"
            raise UnavailableError(problem.rstrip()) from error
        if response.status != OK:
            raise _error_of(response.status, body, response.headers.get("Retry-After", ""))
        return _results_of(body, len(items))


def _results_of(body: bytes, count: int) -> list[ItemResult]:
    try:
        results = _decode(body).results
    except msgspec.DecodeError as error:
        problem = f"the answer is not what POST /v1/summaries gives: {error}"
        raise UnavailableError(problem) from error
    if len(results) != count:
        problem = f"the answer has {len(results)} results for {count} summaries"
        raise UnavailableError(problem)
    return results


def _error_of(status: int, body: bytes, retry_after: str) -> PostError:
    problem = f"{status}: {body.decode(errors='replace')[:PROBLEM_LENGTH_MAX]}"
    if status in REFUSED:
        return RefusedError(problem, status)
    if status in FORBIDDEN:
        return ForbiddenError(problem, status)
    pause_seconds = retry_after_seconds(retry_after, datetime.now(UTC))
    return UnavailableError(problem, status, retry_after_seconds=pause_seconds)


def retry_after_seconds(value: str, now: datetime) -> float:
    """Return how long the header ``Retry-After`` asks to wait: a number of seconds, or a date (RFC 9110, 10.2.3)."""
    try:
        seconds = float(value) if value.strip().isdigit() else (parsedate_to_datetime(value) - now).total_seconds()
    except (ValueError, TypeError):
        return 0.0
    return min(max(seconds, 0.0), RETRY_AFTER_SECONDS_MAX)
