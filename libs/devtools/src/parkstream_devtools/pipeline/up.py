"""The whole pipeline until the user ends it, with data that stays for the next time."""

from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path

from parkstream_devtools.pipeline.data_folder import discoverable, locked
from parkstream_devtools.pipeline.observer import Show, observe, until_interrupted
from parkstream_devtools.pipeline.settings import Say, Traffic
from parkstream_devtools.pipeline.system import System, start_system
from parkstream_devtools.sandbox import Sandbox
from parkstream_devtools.servers.install import ensure_servers


def up(  # noqa: PLR0913 - one option each, and what is called
    traffic: Traffic,
    place: Path,
    say: Say,
    progress: AbstractContextManager[Show],
    ready: Callable[[System], None],
    *,
    fresh: bool,
) -> None:
    """Run everything in *place* until Ctrl-C; *fresh*: without what is there. *ready* is called when all of it runs.

    Raises ``DataFolderError``, ``DiedError`` when a server or service ended by itself, and ``StartError``.
    """
    ensure_servers(say)
    with locked(place, fresh=fresh) as lock, ExitStack() as last, Sandbox(place, lock=lock) as sandbox:
        _move_logs(sandbox.folder)
        system = start_system(sandbox, last, traffic, say, usual_ports=True)
        with discoverable(place, system.environ):
            ready(system)
            with progress as show:
                until_interrupted(observe(system, show), say)


def _move_logs(folder: Path) -> None:
    """Keep what the run before wrote, and no more than that."""
    for log in [*folder.glob("*.log"), *folder.glob("*/*.log")]:
        log.replace(log.with_name(f"{log.name}.before"))
