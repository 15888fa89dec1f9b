"""What every service that listens is set to: where, by which names it is called, and who may call."""

from pathlib import Path
from typing import Annotated

from msgspec import Meta

from parkstream_service.access import LOOPBACK, Access, Callers, checked_hosts, is_loopback
from parkstream_service.settings.limits import HttpLimits
from parkstream_service.settings.loader import env_name


class HttpSettings(HttpLimits, frozen=True, kw_only=True, rename=env_name("PARKSTREAM_")):
    """The part of an environment that is about HTTP."""

    host: Annotated[
        str, Meta(min_length=1, description="The address to listen on; without a credential one of this machine only.")
    ] = "127.0.0.1"
    allowed_hosts: Annotated[
        tuple[str, ...],
        Meta(
            min_length=1,
            description="Names that requests may have in Host and Origin, with any port; /health answers any.",
        ),
    ] = LOOPBACK
    credentials_file: Annotated[
        str | None,
        Meta(description="The file of callers with their roles and secrets; read again when it changes."),
    ] = None
    api_token: Annotated[
        str | None,
        Meta(
            description="The credential that this process calls others with; without a file of callers also the one "
            "that lets others in here, with all roles.",
            extra={"secret": True},
        ),
    ] = None

    def __post_init__(self) -> None:
        access = self.access()
        if access.callers is None and not is_loopback(self.host):
            message = (
                f"PARKSTREAM_HOST is {self.host!r}, but there is no credential: set PARKSTREAM_CREDENTIALS_FILE or "
                "PARKSTREAM_API_TOKEN, or listen on 127.0.0.1"
            )
            raise ValueError(message)

    def access(self) -> Access:
        """Return who may call; raise ``ValueError`` when the file of callers or a name cannot be taken."""
        return Access(checked_hosts(self.allowed_hosts), self._callers())

    def _callers(self) -> Callers | None:
        if self.credentials_file:
            return Callers.of_file(Path(self.credentials_file))
        return Callers.of_token(self.api_token) if self.api_token else None
