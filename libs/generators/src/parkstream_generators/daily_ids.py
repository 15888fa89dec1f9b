"""Event ids of a camera that counts: 1, 2, 3 … at each gate, from 1 again each day."""

import msgspec
from parkstream_events.units import DAY_US

_read = msgspec.json.Decoder(dict[str, tuple[int, int]]).decode


class DailyIds:
    """The last day and number of each gate; they are kept, so that a camera that was killed repeats none."""

    def __init__(self) -> None:
        self._last: dict[str, tuple[int, int]] = {}

    def take(self, gate: str, at_us: int) -> str:
        """Return the next id of *gate* for what happened at *at_us*, by its clock."""
        day, (last_day, number) = at_us // DAY_US, self._last.get(gate, (0, 0))
        # A car that creeps past midnight is read tomorrow before others are read today.
        self._last[gate] = (day, 1) if day > last_day else (last_day, number + 1)
        return str(self._last[gate][1])

    def text(self) -> str:
        """Return what ``restore`` takes; "" when no gate counts."""
        return msgspec.json.encode(self._last).decode() if self._last else ""

    def restore(self, text: str) -> None:
        """Go on after what ``text`` returned."""
        self._last = _read(text) if text else {}
