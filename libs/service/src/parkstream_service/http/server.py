"""How a service is served: one set of uvicorn's options and of limits, until a signal or a failed task ends it."""

import signal
from functools import partial
from typing import Any, Final

import uvicorn

from parkstream_service.http.app import HttpFace, http_app
from parkstream_service.http.connections import Connections
from parkstream_service.http.protocol import LimitedProtocol
from parkstream_service.lifecycle import BackgroundTasks
from parkstream_service.settings.limits import HttpLimits

FAILED: Final = 1
KEEP_ALIVE_SECONDS: Final = 60
"""Longer than clients keep an idle connection, so that none is closed under a request."""


def serve(face: HttpFace, settings: HttpLimits, tasks: BackgroundTasks, *, graceful_seconds: int = 2) -> int:
    """Serve *face* until SIGTERM, SIGINT or a task that fails; return the exit code.

    What was accepted is finished, for *graceful_seconds* at most.
    """
    protocol: Any = partial(LimitedProtocol, Connections(settings, face.body_bytes_max, face.refused))
    server = uvicorn.Server(
        uvicorn.Config(
            http_app(face),
            host=settings.host,
            port=settings.port,
            loop="uvloop",
            http=protocol,
            ws="none",
            lifespan="on",
            access_log=False,
            log_config=None,
            proxy_headers=False,
            server_header=False,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=graceful_seconds,
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
