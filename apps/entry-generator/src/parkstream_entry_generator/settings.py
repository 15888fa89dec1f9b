"""What the entry generator is set to: every variable of its environment."""

from typing import Annotated

from msgspec import Meta
from parkstream_generators.pace import Pace
from parkstream_generators.settings import CameraSettings
from parkstream_service.settings import env_name


class Settings(CameraSettings, frozen=True, kw_only=True, rename=env_name("PARKSTREAM_")):
    """The entry generator's environment."""

    port: Annotated[int, Meta(ge=0, le=65_535, description="The port of health, metrics and the account.")] = 8002
    rate: Annotated[float, Meta(gt=0, le=100_000, description="Cars per second.", extra={"unit": "1/s"})] = 10.0
    arrivals: Annotated[Pace, Meta(description="How cars spread over time.")] = Pace.POISSON
    time_scale: Annotated[
        float, Meta(gt=0, le=1e6, description="How much faster than the clock a day of rush hours passes.")
    ] = 1.0
    open_loop: Annotated[
        bool, Meta(description="Date each event's publishing by when it was due, however late it is made.")
    ] = False
