"""The pipeline as it runs in one folder: its servers and services, and the variables by which commands find them."""

import os
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from msgspec import Struct

from parkstream_devtools.pipeline.callers import OWN_VARIABLE, Credentials, make_credentials
from parkstream_devtools.pipeline.kept_files import SPANS_FILE
from parkstream_devtools.pipeline.services import (
    BACKEND,
    CONSOLE,
    ENTRIES,
    EXITS,
    SERVICES,
    Services,
    ports,
    start_servers,
    urls,
)
from parkstream_devtools.pipeline.settings import Say, Servers, Traffic, of_all, of_entries, of_exits
from parkstream_devtools.pipeline.trace_receiver import Tracing, tracing
from parkstream_devtools.sandbox import Sandbox

SUMMARY_FILE: Final = "summaries.jsonl"
ARCHIVE: Final = "archive"


class System(Struct, frozen=True, kw_only=True):
    """All that runs; *environ*: what a command is given to look at it."""

    servers: Servers
    services: Services
    credentials: Credentials
    traced: Tracing
    summary_file: Path
    environ: dict[str, str]

    @property
    def console(self) -> str:
        """Where to look at it, and as whom."""
        return f"{self.services.urls['console']}, as operator with the password {self.credentials.operator}"


def start_system(sandbox: Sandbox, last: ExitStack, traffic: Traffic, say: Say, *, usual_ports: bool) -> System:
    """Start everything in *sandbox*, and on *last*, which is left after it, what receives spans.

    Services that end still send spans.
    """
    folder = sandbox.folder
    servers = start_servers(sandbox, say)
    traced = last.enter_context(tracing(os.environ, folder / SPANS_FILE, say))
    say(f"starting {', '.join(service.name for service in SERVICES)}")
    credentials, at = make_credentials(folder, os.environ), ports(SERVICES, usual=usual_ports)
    summary_file = folder / SUMMARY_FILE
    places = {"PARKSTREAM_SUMMARY_FILE": str(summary_file), "PARKSTREAM_ARCHIVE_DIR": str(folder / ARCHIVE)}
    shared = of_all(servers, os.environ) | urls(at) | places
    own = {
        BACKEND: credentials.of_backend,
        CONSOLE: credentials.of_console | ({} if traced.file is None else {"PARKSTREAM_TRACES_FILE": str(traced.file)}),
        EXITS: of_exits(traffic),
        ENTRIES: of_entries(traffic),
    }
    kept = {} if traced.file is None else {"PARKSTREAM_SPANS_FILE": str(traced.file)}
    return System(
        servers=servers,
        services=Services(sandbox, at, shared | traced.environ | credentials.of_all | kept, own),
        credentials=credentials,
        traced=traced,
        summary_file=summary_file,
        environ=shared | kept | {OWN_VARIABLE: credentials.operator, "PARKSTREAM_REDIS_DIR": servers.redis_dir},
    )
