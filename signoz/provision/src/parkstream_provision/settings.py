"""The environment of the provisioner."""

from typing import Annotated

from msgspec import Meta
from parkstream_service.access import LOOPBACK
from parkstream_service.settings import HTTP_URL, HttpLimits, env_name


class Settings(HttpLimits, frozen=True, kw_only=True, rename=env_name("PARKSTREAM_")):
    """What the provisioner takes from its environment."""

    signoz_url: Annotated[str, Meta(description="Where SigNoz answers.", extra=HTTP_URL)] = "http://localhost:8080"
    signoz_email: Annotated[str, Meta(min_length=3, description="Who logs in: SIGNOZ_USER_ROOT_EMAIL of SigNoz.")] = (
        "admin@parkstream.example"
    )
    signoz_password: Annotated[
        str,
        Meta(min_length=1, description="The password: SIGNOZ_USER_ROOT_PASSWORD of SigNoz.", extra={"secret": True}),
    ]
    signoz_files: Annotated[str, Meta(min_length=1, description="The folder with dashboards/, rules/ and so on.")] = (
        "signoz"
    )
    signoz_ready_seconds: Annotated[
        float, Meta(gt=0, description="How long SigNoz may take to be ready.", extra={"unit": "s"})
    ] = 300.0
    signoz_check_seconds: Annotated[
        float, Meta(gt=0, description="How often it is checked for drift.", extra={"unit": "s"})
    ] = 600.0
    signoz_runbook: Annotated[str, Meta(description="The file that is shown at /runbook; alerts link to it.")] = (
        "docs/runbook.md"
    )
    host: Annotated[str, Meta(min_length=1, description="Address to listen on for health, alerts and the runbook.")] = (
        "127.0.0.1"
    )
    allowed_hosts: Annotated[
        tuple[str, ...],
        Meta(
            min_length=1,
            description="Names that requests may have in Host and Origin, with any port; /health answers any.",
        ),
    ] = LOOPBACK
    port: Annotated[int, Meta(ge=0, le=65_535, description="The port of health, alerts and the runbook.")] = 8005
