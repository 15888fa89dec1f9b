"""What a service says it misses."""

import json
from urllib.error import HTTPError, URLError

from parkstream_devtools import ServiceProcess
from pipeline import get


def problem(service: ServiceProcess, check: str) -> str:
    """Return what *service* says is wrong with *check*; nothing when all is well or nobody answers."""
    try:
        health = get(f"{service.url}/health/ready")
    except HTTPError as error:
        health = json.load(error)
    except (URLError, ConnectionError):
        return ""
    return str(health["checks"][check].get("detail", ""))


def is_ready(service: ServiceProcess) -> bool:
    """Return whether *service* is of use now."""
    try:
        return get(f"{service.url}/health/ready")["status"] == "ok"
    except (URLError, ConnectionError):
        return False
