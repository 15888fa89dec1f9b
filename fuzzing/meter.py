"""What an input costs, counted and not timed: calls, and bytes at the peak; what does not end is ended."""

import signal
import sys
import tracemalloc
from collections.abc import Generator
from contextlib import contextmanager
from types import FrameType
from typing import Any, Final

from fuzzing.target import BrokenPromiseError, Target

EVERY: Final = 100
"""Every such input is metered: it takes twenty times as long."""
BYTES_PER_BYTE: Final = 40
CPU_SECONDS_MAX: Final = 60.0
"""An input takes thousandths of a second: whatever takes so long does not end."""


class CostlyError(BrokenPromiseError):
    """An input costs more than its size explains."""


class EndlessError(BaseException):
    """An input kept the decoder busy for a minute; nothing may catch this."""


@contextmanager
def metered(target: Target, data: bytes) -> Generator[None]:
    """Raise ``CostlyError`` when the block, in which *target* reads *data*, makes many calls or takes much memory."""
    calls, calls_max = 0, target.calls_max + target.calls_per_byte * len(data)
    bytes_max = target.bytes_max + BYTES_PER_BYTE * len(data)

    def count(_: FrameType, event: str, __: Any) -> None:  # noqa: ANN401 - as sys has it
        nonlocal calls
        calls += event in {"call", "c_call"}
        if calls > calls_max:
            sys.setprofile(None)
            raise CostlyError(_costs("calls", calls, calls_max, data))

    before = sys.getprofile()
    tracemalloc.start()
    sys.setprofile(count)
    try:
        yield
    finally:
        sys.setprofile(before)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    if calls > calls_max:
        raise CostlyError(_costs("calls", calls, calls_max, data))
    if peak > bytes_max:
        raise CostlyError(_costs("bytes", peak, bytes_max, data))


def _costs(what: str, found: int, allowed: int, data: bytes) -> str:
    return f"more than {allowed:,} {what} ({found:,}) for an input of {len(data):,} bytes"


@contextmanager
def ended() -> Generator[None]:
    """Have every ``begin`` within the block raise ``EndlessError`` when what follows it does not end."""

    def end(_: int, __: FrameType | None) -> None:
        message = f"busy for {CPU_SECONDS_MAX:.0f} s of the processor"
        raise EndlessError(message)

    before = signal.signal(signal.SIGVTALRM, end)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def begin() -> None:
    """Count from now on, for the next input."""
    signal.setitimer(signal.ITIMER_VIRTUAL, CPU_SECONDS_MAX)
