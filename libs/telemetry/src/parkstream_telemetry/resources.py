"""What a process is called in all that it sends."""

import os
from importlib.metadata import version
from typing import Final
from uuid import uuid4

from opentelemetry.sdk.resources import Resource

SCOPE: Final = "parkstream"
SCOPE_VERSION: Final = version("parkstream-telemetry")


def resource_of(service: str) -> Resource:
    """Return what the environment names this process, by default under the name *service*."""
    stated = Resource.create({"service.instance.id": str(uuid4()), "service.namespace": "parkstream"})
    named = os.environ.get("OTEL_SERVICE_NAME") or "service.name=" in os.environ.get("OTEL_RESOURCE_ATTRIBUTES", "")
    return stated if named else stated.merge(Resource({"service.name": service}))
