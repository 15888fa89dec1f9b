"""What every service of the pipeline is set to beside HTTP: how it names plates in telemetry, and what it logs."""

from typing import Annotated, Literal

from msgspec import Meta

from parkstream_service.settings.http import HttpSettings
from parkstream_service.settings.loader import env_name


class TelemetrySettings(HttpSettings, frozen=True, kw_only=True, rename=env_name("PARKSTREAM_")):
    """The part of an environment that is about telemetry; where that goes is read from the ``OTEL_*`` variables."""

    plate_hash_key: Annotated[
        str | None,
        Meta(
            description="Key of the hash that stands for a plate in telemetry, the same in all services; "
            "without one each process makes its own.",
            extra={"secret": True},
        ),
    ] = None
    log_format: Annotated[Literal["json", "pretty"], Meta(description="How log lines look.")] = "json"
    statistics_seconds: Annotated[
        float,
        Meta(
            ge=0,
            le=10 * 365 * 86_400,
            description="How often latency percentiles are logged; 0 is never.",
            extra={"unit": "s"},
        ),
    ] = 10.0
