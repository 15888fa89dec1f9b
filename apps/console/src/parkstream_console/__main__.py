"""Run the console, or answer ``config [--json]``, ``openapi`` or ``password``."""

import getpass
import os
import sys

from parkstream_service.settings import answer_config, settings_or_exit
from parkstream_service.uncaught import print_without_quotes

from parkstream_console.access.people import hash_of
from parkstream_console.settings import Settings

MISUSED = 2


def main(argv: list[str] | None = None) -> int:
    """Do what *argv* says, without it serve until SIGTERM; return the exit code."""
    argv = sys.argv[1:] if argv is None else argv
    if answer_config(Settings, argv, os.environ):
        return 0
    if argv == ["password"]:
        return password()
    from parkstream_service.http import document, serve  # noqa: PLC0415 - ``config`` answers without Litestar

    from parkstream_console.app import Parts, create_app, face_of  # noqa: PLC0415

    if argv == ["openapi"]:
        sys.stdout.write(document(create_app(Settings(plate_hash_key="any"))))
        return 0
    settings = settings_or_exit(Settings, os.environ)
    parts = Parts(settings)
    return serve(face_of(parts, settings), settings, parts.tasks)


def password() -> int:
    """Read a password, and print what stands for it in the file of people."""
    typed = getpass.getpass("password: ") if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")
    try:
        sys.stdout.write(hash_of(typed) + "\n")
    except ValueError as error:
        sys.stderr.write(f"error: {error}\n")
        return MISUSED
    return 0


if __name__ == "__main__":
    print_without_quotes()
    sys.exit(main())
