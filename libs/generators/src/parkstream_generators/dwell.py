"""How long a car stays: log-normal, as parking durations are, and compressible."""

import math

from msgspec import Struct

from parkstream_generators.chance import drawn_normal


class Dwell(Struct, frozen=True, kw_only=True):
    """Half of all stays are shorter than the median; *sigma* is the deviation of the logarithm (0: all are equal).

    Time runs *time_scale* times faster than on the clock: 1440 fits a day into a minute.
    """

    median_seconds: float
    sigma: float
    time_scale: float = 1.0

    def seconds(self, seed: int, plate: str) -> float:
        """Return how long the car with *plate* stays, on the clock."""
        deviation = self.sigma * drawn_normal(seed, "dwell", plate) if self.sigma else 0.0
        return self.median_seconds * math.exp(deviation) / self.time_scale
