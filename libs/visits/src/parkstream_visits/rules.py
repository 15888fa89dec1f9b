"""What may be set, and the version of the code that applies it."""

from msgspec import Struct
from parkstream_events.decisions import RulesChanged
from parkstream_events.units import DAY_US, SECOND_US

RULES_VERSION = 2
"""Grows whenever the same log would fold to another state; commits of an older version are fenced off."""


class Rules(Struct, frozen=True, array_like=True):
    """The rules in force; every time in microseconds.

    A sighting keeps the rules that were in force when it was recorded, so a changed setting never rewrites history.
    """

    duplicate_window_us: int = 3 * SECOND_US
    max_stay_us: int = 2 * DAY_US
    allowed_lateness_us: int = 2 * SECOND_US
    silence_grace_us: int = 5 * SECOND_US
    hold_max_us: int = 60 * SECOND_US
    finality_us: int = 7 * DAY_US

    def changed(self, as_of_position: int) -> RulesChanged:
        """Return the decision that puts these rules in force."""
        return RulesChanged(
            duplicate_window_us=self.duplicate_window_us,
            max_stay_us=self.max_stay_us,
            allowed_lateness_us=self.allowed_lateness_us,
            silence_grace_us=self.silence_grace_us,
            hold_max_us=self.hold_max_us,
            finality_us=self.finality_us,
            as_of_position=as_of_position,
        )


def rules_of(decision: RulesChanged) -> Rules:
    """Return the rules that *decision* puts in force."""
    return Rules(
        decision.duplicate_window_us,
        decision.max_stay_us,
        decision.allowed_lateness_us,
        decision.silence_grace_us,
        decision.hold_max_us,
        decision.finality_us,
    )
