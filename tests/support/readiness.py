"""What a service says at ``/health/ready``."""

import json
import urllib.error
import urllib.request
from typing import Any


def failing(url: str) -> dict[str, str]:
    """Return the checks of the service at *url* that fail, each with its detail; none when it is ready."""
    try:
        with urllib.request.urlopen(f"{url}/health/ready", timeout=10) as answer:
            health: dict[str, Any] = json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            health = json.load(error)
    except (urllib.error.URLError, ConnectionError, TimeoutError) as error:
        return {"unreachable": str(error)}
    return {name: check["detail"] for name, check in health["checks"].items() if check["status"] == "failing"}
