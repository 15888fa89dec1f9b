"""The one retry: exponential backoff with jitter, without a limit, and it never loses a cancellation."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

import stamina
from stamina.instrumentation import set_on_retry_hooks

from parkstream_service.lifecycle import cancellations
from parkstream_service.redis.errors import is_transient

ResultT = TypeVar("ResultT")
OnRetry = Callable[[Exception], None]
FIRST_SECONDS: Final = 0.05
MOST_SECONDS: Final = 2.0

set_on_retry_hooks([])  # Every caller reports its own retries; stamina would report them a second time.


def report_nothing(_: Exception) -> None:
    """Report no retry."""


class Wait:
    """What a part of a process waits for: an ``OnRetry`` that hands on to *report*, and knows until when."""

    def __init__(self, report: OnRetry = report_nothing) -> None:
        self._report = report
        self.problem = ""
        """The error that was met last; "" when the call that met it has succeeded since."""

    def __call__(self, error: Exception) -> None:
        """Note *error*, which is about to be waited for."""
        self.problem = f"{type(error).__name__}: {error}"
        self._report(error)

    def passed(self) -> None:
        """Note that the call has succeeded."""
        self.problem = ""


async def retried(
    call: Callable[[], Awaitable[ResultT]],
    *,
    when: Callable[[Exception], bool | float] = is_transient,
    on_retry: OnRetry = report_nothing,
    first_seconds: float = FIRST_SECONDS,
    most_seconds: float = MOST_SECONDS,
) -> ResultT:
    """Return what *call* gives, after as many tries as it takes.

    ``when(error)`` decides whether to try again; a number is how many seconds to wait, as the other side asked for.
    ``on_retry(error)`` is called before each wait, and a ``Wait`` hears when it is over. The waits double from
    *first_seconds* to *most_seconds*, each with up to *first_seconds* more. Raises the last error, and
    ``CancelledError`` when this task was cancelled, even if a library in *call* has lost that.
    """

    def passes(error: BaseException) -> bool | float:
        if not isinstance(error, Exception):
            return False
        verdict = when(error)
        if verdict is not False:
            on_retry(error)
        return verdict

    async for attempt in stamina.retry_context(
        on=passes,
        attempts=None,
        timeout=None,
        wait_initial=first_seconds,
        wait_max=most_seconds,
        wait_jitter=first_seconds,
    ):
        with attempt:
            result = await uncancelled(call)
            if attempt.num > 1 and isinstance(on_retry, Wait):
                on_retry.passed()
            return result
    raise AssertionError


async def uncancelled(call: Callable[[], Awaitable[ResultT]]) -> ResultT:
    """Return what *call* gives; raise ``CancelledError`` exactly when this task was cancelled meanwhile.

    Before Python 3.12, ``asyncio.wait_for`` (redis-py waits through it) may return instead. The other way round,
    aiormq cancels who waits for a confirm when a channel dies: that is a ``ConnectionAbortedError`` here.
    """
    before = cancellations()
    try:
        result = await call()
    except asyncio.CancelledError as error:
        if cancellations() > before:
            raise
        message = "a library cancelled the call"
        raise ConnectionAbortedError(message) from error
    except Exception as error:
        if cancellations() > before:
            raise asyncio.CancelledError from error
        raise
    if cancellations() > before:
        raise asyncio.CancelledError
    return result
