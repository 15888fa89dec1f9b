"""A channel that closes without a reason: who waits for an answer there gets a lost connection, not an ``Exception``.

aiormq closes channels that way when its reader ends while RabbitMQ dies, and when somebody closes them. A bare
``Exception`` says neither what happened nor whether it passes, so it would end whoever has to go on.
"""

from typing import Any, Final

from aiormq.abc import ExceptionType
from aiormq.base import FutureStore
from aiormq.exceptions import AMQPConnectionError

_reject_all: Final[Any] = FutureStore.reject_all


def give_reasons() -> None:
    """Let this process' channels always have one."""
    FutureStore.reject_all = _reject_with_a_reason  # type: ignore[method-assign]


async def _reject_with_a_reason(store: FutureStore, exception: ExceptionType | None) -> None:
    await _reject_all(store, exception or AMQPConnectionError("the channel was closed"))
