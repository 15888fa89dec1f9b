"""Run the server, or answer ``config [--json]`` or ``openapi``."""

import os
import sys
from typing import Final

from parkstream_service.http import document, serve
from parkstream_service.settings import answer_config, settings_or_exit
from parkstream_service.uncaught import print_without_quotes

from parkstream_summary_api.app import Parts, create_app, face_of
from parkstream_summary_api.settings import Settings
from parkstream_summary_api.summary_file import JournalError

CANNOT_OPEN: Final = 73
DRAIN_SECONDS: Final = 10


def main(argv: list[str]) -> int:
    """Do what *argv* says, without it serve until SIGTERM; return the exit code."""
    if answer_config(Settings, argv, os.environ):
        return 0
    if argv == ["openapi"]:
        sys.stdout.write(document(create_app(Settings(plate_hash_key="any"))))
        return 0
    return run(settings_or_exit(Settings, os.environ))


def run(settings: Settings) -> int:
    """Serve until SIGTERM or SIGINT, finish what was accepted, and return the exit code."""
    parts = Parts(settings)
    try:
        parts.journal.open()
    except JournalError as error:
        sys.stderr.write(f"error: {error}\n")
        return CANNOT_OPEN
    return serve(face_of(parts, settings), settings, parts.tasks, graceful_seconds=DRAIN_SECONDS)


if __name__ == "__main__":
    print_without_quotes()
    sys.exit(main(sys.argv[1:]))
