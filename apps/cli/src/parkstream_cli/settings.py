"""Where the command line looks for what runs: the variables of the services, and where they listen."""

from typing import Annotated

from msgspec import Meta, Struct
from parkstream_devtools.pipeline.settings import PLATE_KEY
from parkstream_service.settings import AMQP_URL, HTTP_URL, REDIS_URL, env_name


class Settings(Struct, frozen=True, kw_only=True, rename=env_name("PARKSTREAM_")):
    """The command line's environment."""

    rabbitmq_url: Annotated[str, Meta(description="Where RabbitMQ is.", extra=AMQP_URL)] = (
        "amqp://guest:guest@localhost:5672/"
    )
    rabbitmq_management_url: Annotated[
        str | None,
        Meta(
            description="Where RabbitMQ's management interface is, with a user that has the tag monitoring: how many "
            "members queues have.",
            extra=HTTP_URL,
        ),
    ] = None
    rabbitmq_backend_user: Annotated[
        str, Meta(description="The backend's user in RabbitMQ: whose dead letters may be redriven.")
    ] = "backend"
    redis_url: Annotated[str, Meta(description="Where Redis is, without a database.", extra=REDIS_URL)] = (
        "redis://localhost:6379"
    )
    redis_replicas_min: Annotated[
        int, Meta(ge=0, le=100, description="For how many replicas of Redis backends wait: the doctor looks at them.")
    ] = 0
    mall: Annotated[str, Meta(description="Whose cameras.")] = "mall"
    copy: Annotated[
        bool,
        Meta(description="Redis holds a copy of a log, which no RabbitMQ has a mark of: write to it all the same."),
    ] = False
    api_token: Annotated[str | None, Meta(description="Token for the summary API.", extra={"secret": True})] = None
    plate_hash_key: Annotated[
        str,
        Meta(
            description="Key of the plates' hashes; by default the demo's.",
            extra={"secret": True},
        ),
    ] = PLATE_KEY
    spans_file: Annotated[str | None, Meta(description="Kept spans; by default the last demo's.")] = None
    summary_url: Annotated[str, Meta(description="Where the summary API is.", extra=HTTP_URL)] = "http://localhost:8000"
    backend_url: Annotated[str, Meta(description="Where the backend is.", extra=HTTP_URL)] = "http://localhost:8001"
    console_url: Annotated[str, Meta(description="Where the console is.", extra=HTTP_URL)] = "http://localhost:8004"
    entry_generator_url: Annotated[str, Meta(description="Where the entry cameras are.", extra=HTTP_URL)] = (
        "http://localhost:8002"
    )
    exit_generator_url: Annotated[str, Meta(description="Where the exit cameras are.", extra=HTTP_URL)] = (
        "http://localhost:8003"
    )
    summary_file: Annotated[str, Meta(description="The summary file, checked when it is on this machine.")] = (
        "summaries.jsonl"
    )
    archive_dir: Annotated[str | None, Meta(description="Where archived records lie, if any are.")] = None
    redis_dir: Annotated[
        str | None, Meta(description="Redis' data folder on this machine, for backup; by default as Redis calls it.")
    ] = None
    dedupe_days: Annotated[
        int, Meta(ge=1, le=3_650, description="How long event ids are remembered.", extra={"unit": "d"})
    ] = 35
