"""The environment of the console."""

from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

from msgspec import Meta
from parkstream_events.keys import MALL_PATTERN
from parkstream_service.settings import AMQP_URL, HTTP_URL, REDIS_URL, TelemetrySettings, env_name

from parkstream_console.access.people import People

SESSION_KEY_LENGTH_MIN = 32


class Settings(TelemetrySettings, frozen=True, kw_only=True, rename=env_name("PARKSTREAM_")):
    """What the console takes from its environment."""

    port: Annotated[
        int, Meta(ge=0, le=65_535, description="The port of the pages, the read API, health and metrics.")
    ] = 8004
    redis_url: Annotated[
        str,
        Meta(description="Where Redis is, without a database: the console reads the backend's, 0.", extra=REDIS_URL),
    ] = "redis://localhost:6379"
    rabbitmq_url: Annotated[
        str, Meta(description="Where RabbitMQ is: for dead letters, and the mark of the log.", extra=AMQP_URL)
    ] = "amqp://guest:guest@localhost:5672/"
    rabbitmq_backend_user: Annotated[
        str, Meta(description="The backend's user in RabbitMQ: whose dead letters may be sent again.")
    ] = "backend"
    mall: Annotated[
        str, Meta(min_length=1, max_length=64, pattern=MALL_PATTERN, description="Which mall; part of every key.")
    ] = "mall"
    cells: Annotated[
        str | None,
        Meta(description="The file of malls (cells.toml), if there are several: Running lists them with their health."),
    ] = None
    time_zone: Annotated[str, Meta(min_length=1, description="The mall's time zone, as the IANA calls it.")] = "UTC"
    capacity: Annotated[
        int, Meta(ge=0, description="How many cars the mall has room for; 0 when that is not to be shown.")
    ] = 0
    people_file: Annotated[
        str | None,
        Meta(
            description="The file of people who may log in, with their roles and argon2 hashes; read again when it "
            "changes. `python -m parkstream_console password` prints a hash."
        ),
    ] = None
    session_key: Annotated[
        str | None,
        Meta(
            description="What sessions are encrypted with (32 characters or more); without it they end with us.",
            extra={"secret": True},
        ),
    ] = None
    secure_cookies: Annotated[
        bool,
        Meta(
            description="Whether browsers send the cookies of a session over TLS only: set it behind a proxy that "
            "people reach by https."
        ),
    ] = False
    mask_plates: Annotated[
        bool, Meta(description="Whether those who may only look see the last two characters of a plate only.")
    ] = False
    archive_dir: Annotated[str | None, Meta(description="Where archived records lie, if any are.")] = None
    snapshot_dir: Annotated[
        str | None,
        Meta(
            description="Where the console, and nobody else, keeps states of earlier times, which make questions about "
            "them quick (512 MiB at most); without it in a folder that goes with the process."
        ),
    ] = None
    summary_url: Annotated[str, Meta(description="Where the summary API is.", extra=HTTP_URL)] = "http://localhost:8000"
    backend_url: Annotated[str, Meta(description="Where the backend is.", extra=HTTP_URL)] = "http://localhost:8001"
    entry_generator_url: Annotated[str, Meta(description="Where the entry generator is.", extra=HTTP_URL)] = (
        "http://localhost:8002"
    )
    exit_generator_url: Annotated[str, Meta(description="Where the exit generator is.", extra=HTTP_URL)] = (
        "http://localhost:8003"
    )
    traces_file: Annotated[str | None, Meta(description="Where spans are kept, if they are.")] = None
    signoz_url: Annotated[
        str | None, Meta(description="Where people reach SigNoz, for links to its traces.", extra=HTTP_URL)
    ] = None
    signoz_api_url: Annotated[
        str | None,
        Meta(description="Where the console reaches SigNoz; without it where people do.", extra=HTTP_URL),
    ] = None
    signoz_api_key: Annotated[
        str | None,
        Meta(
            description="A key of SigNoz' API, of the role viewer: the traces of a story that are not kept come from "
            "there.",
            extra={"secret": True},
        ),
    ] = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.session_key is not None and len(self.session_key) < SESSION_KEY_LENGTH_MIN:
            message = f"PARKSTREAM_SESSION_KEY is too short: take {SESSION_KEY_LENGTH_MIN} characters or more"
            raise ValueError(message)
        if self.people_file and self.access().callers is None:
            message = (
                "PARKSTREAM_PEOPLE_FILE needs PARKSTREAM_CREDENTIALS_FILE or PARKSTREAM_API_TOKEN, too: "
                "without one /v1 and /metrics ask nobody"
            )
            raise ValueError(message)
        if self.signoz_api_key and not (self.signoz_api_url or self.signoz_url):
            message = "PARKSTREAM_SIGNOZ_API_KEY needs PARKSTREAM_SIGNOZ_API_URL, or PARKSTREAM_SIGNOZ_URL"
            raise ValueError(message)
        _ = self.zone
        self.people()

    @property
    def zone(self) -> ZoneInfo:
        """The mall's time zone; raises ``ValueError`` when there is none of that name."""
        try:
            return ZoneInfo(self.time_zone)
        except (KeyError, ValueError, OSError) as error:
            message = f"PARKSTREAM_TIME_ZONE is {self.time_zone!r}; it takes a name such as Europe/Berlin"
            raise ValueError(message) from error

    def people(self) -> People | None:
        """Return who may log in with a password; raise ``ValueError`` when the file cannot be taken."""
        return People.of_file(Path(self.people_file)) if self.people_file else None
