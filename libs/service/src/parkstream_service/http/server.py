"""How a service is served: one set of uvicorn's options, until a signal or a failed task ends it."""

import signal
from typing import Final

import uvicorn
from litestar import Litestar
from msgspec import Struct

from parkstream_service.lifecycle import BackgroundTasks

FAILED: Final = 1
KEEP_ALIVE_SECONDS: Final = 60
"""Longer than clients keep an idle connection, so that none is closed under a request."""


class ServerSettings(Struct, frozen=True, kw_only=True):
    """Where to listen, and how long a request may take when the service is asked to stop."""

    host: str
    port: int
    graceful_seconds: int = 2


def serve(app: Litestar, settings: ServerSettings, tasks: BackgroundTasks) -> int:
    """Serve *app* until SIGTERM, SIGINT or a task that fails; finish what was accepted, and return the exit code."""
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            host=settings.host,
            port=settings.port,
            loop="uvloop",
            http="httptools",
            ws="none",
            lifespan="on",
            access_log=False,
            log_config=None,
            proxy_headers=False,
            server_header=False,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=settings.graceful_seconds,
        )
    )

    def end_process() -> None:
        server.should_exit = True

    tasks.end_process = end_process
    for number in (signal.SIGTERM, signal.SIGINT):
        # uvicorn raises the signal once more when it is done; what is then in force must not kill us.
        signal.signal(number, _ignore)
    server.run()
    return 0 if server.started and not tasks.failed else FAILED


def _ignore(*_: object) -> None:
    """Take a signal without ending."""
