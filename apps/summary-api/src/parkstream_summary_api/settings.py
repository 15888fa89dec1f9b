"""The environment of summary-api."""

from typing import Annotated

from msgspec import Meta
from parkstream_events.keys import MALL_PATTERN
from parkstream_service.settings import REDIS_URL, TelemetrySettings, env_name


class Settings(TelemetrySettings, frozen=True, kw_only=True, rename=env_name("PARKSTREAM_")):
    """What summary-api takes from its environment."""

    port: Annotated[int, Meta(ge=0, le=65_535, description="The port of the API, health and metrics.")] = 8000
    summary_file: Annotated[str, Meta(min_length=1, description="The JSON Lines file; one process writes it.")] = (
        "summaries.jsonl"
    )
    redis_url: Annotated[
        str, Meta(description="Redis, without a DB; the index of the file is in DB 3.", extra=REDIS_URL)
    ] = "redis://localhost:6379"
    mall: Annotated[
        str, Meta(min_length=1, max_length=64, pattern=MALL_PATTERN, description="Which mall; part of every key.")
    ] = "mall"
    index_days: Annotated[
        int,
        Meta(
            ge=1,
            le=3_650,
            description="For how many days Redis keeps where a visit is in the file; what is older is looked up there.",
            extra={"unit": "d"},
        ),
    ] = 8
    """A visit is final after 7, and a summary may wait to be delivered."""
