"""How much a service takes of strangers before it knows what they want."""

from typing import Annotated

from msgspec import Meta, Struct

from parkstream_service.settings.loader import env_name


class HttpLimits(Struct, frozen=True, kw_only=True, rename=env_name("PARKSTREAM_")):
    """Where a service listens, and the limits of its port."""

    host: Annotated[str, Meta(min_length=1, description="The address to listen on.")] = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65_535, description="The port of health and metrics.")] = 0
    """Each service has one of its own."""
    http_connections_max: Annotated[
        int,
        Meta(
            ge=8,
            le=100_000,
            description="Connections that may be open; one more ends the one that has kept us waiting for longest.",
        ),
    ] = 256
    http_url_bytes_max: Annotated[
        int, Meta(ge=256, le=1 << 20, description="How long the URL of a request may be.", extra={"unit": "B"})
    ] = 8_192
    http_head_bytes_max: Annotated[
        int, Meta(ge=512, le=1 << 20, description="How long its URL and headers may be.", extra={"unit": "B"})
    ] = 16_384
    http_head_seconds: Annotated[
        float, Meta(gt=0, le=3_600, description="How long they may take from the first wait.", extra={"unit": "s"})
    ] = 10.0
    http_body_seconds: Annotated[
        float,
        Meta(gt=0, le=3_600, description="How long its body may take; and reading the answer.", extra={"unit": "s"}),
    ] = 30.0
    http_memory_bytes_max: Annotated[
        int,
        Meta(
            ge=1 << 20,
            description="What all requests that are not answered yet may hold; one more byte ends the slowest.",
            extra={"unit": "B"},
        ),
    ] = 16 << 20
