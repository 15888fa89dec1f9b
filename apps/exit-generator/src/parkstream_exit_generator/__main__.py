"""``python -m parkstream_exit_generator`` runs it; ``… config [--json]`` prints its settings."""

import os
import sys

from parkstream_service.settings import answer_config, settings_or_exit
from parkstream_service.uncaught import print_without_quotes

from parkstream_exit_generator.settings import Settings


def main() -> int:
    """Run until asked to stop; return the exit code."""
    if answer_config(Settings, sys.argv[1:], os.environ):
        return 0
    settings = settings_or_exit(Settings, os.environ)
    from parkstream_exit_generator.app import create_generator  # noqa: PLC0415 - ``config`` answers without FastStream

    return create_generator(settings).run()


if __name__ == "__main__":
    print_without_quotes()
    sys.exit(main())
