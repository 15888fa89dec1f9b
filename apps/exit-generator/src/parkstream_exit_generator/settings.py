"""What the exit generator is set to: every variable of its environment."""

from typing import Annotated

from msgspec import Meta
from msgspec.structs import replace
from parkstream_generators.dwell import Dwell
from parkstream_generators.faults import Faults
from parkstream_generators.settings import CameraSettings, Seconds, Share
from parkstream_service.settings import env_name


class Settings(CameraSettings, frozen=True, kw_only=True, rename=env_name("PARKSTREAM_")):
    """The exit generator's environment."""

    port: Annotated[int, Meta(ge=0, le=65_535, description="The port of health, metrics and the account.")] = 8003
    dwell_median_seconds: Annotated[Seconds, Meta(description="Half of all stays are shorter.")] = 3_600.0
    dwell_sigma: Annotated[
        float, Meta(ge=0, le=5, description="How much stays differ: deviation of the logarithm; 0 is not at all.")
    ] = 0.6
    time_scale: Annotated[
        float, Meta(gt=0, le=1e6, description="How much faster than the clock stays pass; 1440 fits a day in a minute.")
    ] = 1.0
    match_share: Annotated[float, Meta(ge=0.01, le=1, description="Exits that belong to a car that entered.")] = 0.8
    missed_share: Annotated[Share, Meta(description="Cars that leave unseen.")] = 0.0

    @property
    def dwell(self) -> Dwell:
        """How long cars stay."""
        return Dwell(median_seconds=self.dwell_median_seconds, sigma=self.dwell_sigma, time_scale=self.time_scale)

    @property
    def faults(self) -> Faults:
        """What goes wrong at an exit camera."""
        return replace(super().faults, missed_share=self.missed_share)
