"""``python -m parkstream_backend`` runs a backend; ``… config [--json]`` prints its settings.

``… asyncapi`` prints the document of what travels through RabbitMQ.
"""

import os
import sys

from parkstream_service.settings import answer_config, settings_or_exit
from parkstream_service.uncaught import print_without_quotes

from parkstream_backend import asyncapi
from parkstream_backend.settings import Settings


def main() -> int:
    """Run until asked to stop; return the exit code."""
    if answer_config(Settings, sys.argv[1:], os.environ):
        return 0
    if sys.argv[1:2] == ["asyncapi"]:
        sys.stdout.write(asyncapi.text())
        return 0
    settings = settings_or_exit(Settings, os.environ)
    from parkstream_backend.app import run  # noqa: PLC0415 - ``config`` answers without FastStream

    return run(settings)


if __name__ == "__main__":
    print_without_quotes()
    sys.exit(main())
