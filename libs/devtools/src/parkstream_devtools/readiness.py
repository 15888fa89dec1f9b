"""What a service says of itself at ``/health/ready``."""

import json
import urllib.error
import urllib.request
from typing import Any, Final

ASK_SECONDS: Final = 10.0


def failing(url: str) -> dict[str, str]:
    """Return the checks of the service at *url* that fail, each with its detail; none when it is ready."""
    try:
        with urllib.request.urlopen(f"{url}/health/ready", timeout=ASK_SECONDS) as answer:  # noqa: S310 - it is ours
            health: dict[str, Any] = json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            health = json.load(error)
    except (urllib.error.URLError, ConnectionError, TimeoutError) as error:
        return {"unreachable": str(error)}
    return {name: check["detail"] for name, check in health["checks"].items() if check["status"] == "failing"}


def is_ready(url: str) -> bool:
    """Return whether the service at *url* says that it is ready."""
    try:
        with urllib.request.urlopen(f"{url}/health/ready", timeout=ASK_SECONDS) as answer:  # noqa: S310 - it is ours
            return bool(answer.status == 200)  # noqa: PLR2004 - OK
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False
