"""How often a password may be wrong before nobody is asked for one any more, for a moment."""

import time
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Final

WINDOW_SECONDS: Final = 60.0
WRONG_MAX: Final = 5
"""Of one name."""
WRONG_IN_ALL_MAX: Final = 60
"""Of all names: each attempt costs 50 ms and 19 MiB."""
NAMES_MAX: Final = 1_000


class Attempts:
    """The wrong attempts of the last ``WINDOW_SECONDS``."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._of_all: deque[float] = deque(maxlen=WRONG_IN_ALL_MAX)
        self._of_name: OrderedDict[str, deque[float]] = OrderedDict()

    def pause_seconds(self, name: str) -> int:
        """Return for how long *name* may not try again; 0 when it may now."""
        return max(self._pause(self._of_all, WRONG_IN_ALL_MAX), self._pause(self._of_name.get(name), WRONG_MAX))

    def failed(self, name: str) -> None:
        """Note a wrong attempt of *name*."""
        self._of_all.append(self._now())
        self._of_name.setdefault(name, deque(maxlen=WRONG_MAX)).append(self._now())
        self._of_name.move_to_end(name)
        while len(self._of_name) > NAMES_MAX:
            self._of_name.popitem(last=False)

    def _pause(self, wrong: deque[float] | None, most: int) -> int:
        if wrong is None or len(wrong) < most:
            return 0
        return max(0, int(wrong[0] + WINDOW_SECONDS - self._now()) + 1) if self._fresh(wrong[0]) else 0

    def _fresh(self, at: float) -> bool:
        return self._now() - at < WINDOW_SECONDS
