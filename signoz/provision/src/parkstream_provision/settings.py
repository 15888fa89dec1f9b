"""The environment of the provisioner."""

from typing import Annotated

from msgspec import Meta
from parkstream_service.settings import HttpSettings, env_name


class Settings(HttpSettings, frozen=True, kw_only=True, rename=env_name("PARKSTREAM_")):
    """What the provisioner takes from its environment."""

    signoz_url: Annotated[str, Meta(pattern=r"^https?://", description="Where SigNoz answers.")] = (
        "http://localhost:8080"
    )
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
    port: Annotated[int, Meta(ge=0, le=65_535, description="The port of health, alerts and the runbook.")] = 8005
