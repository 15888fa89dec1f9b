"""Run the server, or answer ``config [--json]`` or ``openapi``."""

import os
import signal
import sys
from types import FrameType
from typing import Final

import msgspec
import uvicorn
from litestar import Litestar
from parkstream_service.settings import answer_config, settings_or_exit

from parkstream_summary_api.app import create_app
from parkstream_summary_api.settings import Settings
from parkstream_summary_api.summary_file import JournalError

CANNOT_OPEN: Final = 73
DRAIN_SECONDS: Final = 10
KEEP_ALIVE_SECONDS: Final = 60
"""Longer than clients keep an idle connection, so that none is closed under a request."""


def main(argv: list[str]) -> None:
    """Do what *argv* says; without it, serve until SIGTERM."""
    if answer_config(Settings, argv, os.environ):
        return
    if argv == ["openapi"]:
        sys.stdout.write(document(create_app(Settings(plate_hash_key="any"))))
        return
    settings = settings_or_exit(Settings, os.environ)
    serve(create_app(settings), settings)


def document(app: Litestar) -> str:
    """Return the API document of *app*, as it stands in ``docs/openapi.json``."""
    return (
        msgspec.json.format(msgspec.json.encode(app.openapi_schema.to_schema(), order="deterministic")).decode() + "\n"
    )


def _ignore(number: int, frame: FrameType | None) -> None:
    del number, frame


def serve(app: Litestar, settings: Settings) -> None:
    """Serve *app* until SIGTERM or SIGINT, finish what was accepted, and return."""
    try:
        app.state.journal.open()
    except JournalError as error:
        sys.stderr.write(f"error: {error}\n")
        raise SystemExit(CANNOT_OPEN) from error
    for number in (signal.SIGTERM, signal.SIGINT):
        # uvicorn raises the signal once more when it is done; what is then in force must not kill us.
        signal.signal(number, _ignore)
    uvicorn.run(
        app,
        host=settings.host,
        port=settings.port,
        loop="uvloop",
        http="httptools",
        ws="none",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        log_level="warning",
        timeout_graceful_shutdown=DRAIN_SECONDS,
    )


if __name__ == "__main__":
    main(sys.argv[1:])
