"""Errors in words that may leave the process: none that could name a plate.

What a message holds is known for errors of our own and of libraries that only carry bytes. Any other error may quote
what it was given (``KeyError`` does nothing else), so it goes out as its type and where it was raised.
"""

import traceback
from collections.abc import Iterator
from typing import Final, cast

MESSAGE_LENGTH_MAX: Final = 2_000
STACK_LENGTH_MAX: Final = 8_000
WITHHELD: Final = "(withheld: it may name a plate; the stack trace says where it was raised)"
CARRIERS: Final = frozenset(
    {"aio_pika", "aiormq", "asyncio", "grpc", "httpx", "niquests", "redis", "socket", "ssl", "urllib3_future"}
)
"""Packages that carry bytes without reading them."""
OURS: Final = "parkstream_"
_QUOTING: Final = ("with args beginning with", "called with the arguments")
"""From where on Redis quotes the command that it was sent."""


def explanation(error: BaseException, *, with_stack: bool) -> dict[str, str]:
    """Return *error* as the attributes that OpenTelemetry has for it."""
    explained = {"exception.type": type_of(error), "exception.message": words_of(error)}
    if with_stack:
        explained["exception.stacktrace"] = "\n".join(_stack(error))[-STACK_LENGTH_MAX:]
    return explained


def type_of(error: BaseException) -> str:
    """Return the full name of the class of *error*."""
    kind = type(error)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def words_of(error: BaseException) -> str:
    """Return what *error* says, or that it is withheld; ``public`` of an error says what may leave instead."""
    message = str(getattr(error, "public", error))
    if message and not (_is_known(error) or hasattr(error, "public")):
        return WITHHELD
    for quoting in _QUOTING:
        message = message.partition(quoting)[0]
    return message[:MESSAGE_LENGTH_MAX]


def described(error: BaseException) -> str:
    """Return *error* in one line: its class and its words."""
    return f"{type(error).__name__}: {words_of(error)}"


def _is_known(error: BaseException) -> bool:
    package = type(error).__module__.partition(".")[0]
    return package in CARRIERS or package.startswith(OURS) or isinstance(error, OSError)


def _stack(error: BaseException) -> Iterator[str]:
    """Yield where *error* and what led to it were raised, what came first at the top, without their own words."""
    chain: list[BaseException] = []
    cause: BaseException | None = error
    while cause is not None and cause not in chain:
        chain.append(cause)
        cause = cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__)
    for one in reversed(chain):
        yield "Traceback (most recent call last):"
        yield "".join(traceback.format_tb(one.__traceback__)) + f"{type_of(one)}: {words_of(one)}"
        if isinstance(one, BaseExceptionGroup):
            for part in cast("BaseExceptionGroup[BaseException]", one).exceptions:
                yield from _stack(part)
