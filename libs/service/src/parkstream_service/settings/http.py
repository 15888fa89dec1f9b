"""What every service that listens is set to."""

from typing import Annotated

from msgspec import Meta

from parkstream_service.settings.limits import HttpLimits
from parkstream_service.settings.loader import env_name


class HttpSettings(HttpLimits, frozen=True, kw_only=True, rename=env_name("PARKSTREAM_")):
    """The part of an environment that is about HTTP."""

    host: Annotated[str, Meta(min_length=1, description="Address to listen on.")] = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65_535, description="The port of health and metrics.")] = 0
    """Each service has one of its own."""
