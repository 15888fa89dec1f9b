"""``parkstream up``: everything on this machine until Ctrl-C, with data that stays."""

from pathlib import Path
from typing import Annotated, Final

from cyclopts import Parameter
from parkstream_devtools.pipeline.data_folder import NAME
from parkstream_devtools.pipeline.settings import Traffic
from parkstream_devtools.pipeline.system import System
from parkstream_devtools.pipeline.up import up as run

from parkstream_cli.console import PlainConsole
from parkstream_cli.demo import NOT_STARTED, Faults, Positive, what_to_try
from parkstream_cli.errors import ToolError
from parkstream_cli.live_figures import progress_on

DAY_SECONDS: Final = 1440.0
"""A day passes in 24 minutes: half of the cars stay for less than a minute."""
LINE_EVERY_SECONDS: Final = 60.0


def up(
    *,
    rate: Annotated[Positive, Parameter(help="Cars per second that enter.")] = 2.0,
    fault: Faults = (),
    fresh: Annotated[bool, Parameter(help="Throw away what was kept, and begin anew.", negative="")] = False,
) -> int:
    """Run everything on this machine until Ctrl-C. Other commands in this folder find it by themselves.

    Its data stays in .parkstream, so that the next time goes on where this one ended. Fails (exit 1) when a server or
    a service ends by itself.
    """
    console = PlainConsole()
    try:
        traffic = Traffic(seconds=DAY_SECONDS, rate=rate, faults=fault)
    except ValueError as error:
        raise ToolError(str(error)) from error
    place = Path(NAME).absolute()
    progress = progress_on(console, "parkstream up", LINE_EVERY_SECONDS)
    try:
        run(traffic, place, console.say, progress, lambda system: introduce(system, console), fresh=fresh)
    except NOT_STARTED as error:
        raise ToolError(str(error)) from error
    return 0


def introduce(system: System, console: PlainConsole) -> None:
    """Print where everything is, and what to try."""
    addresses = {
        "console": system.console,
        **{name: url for name, url in system.services.urls.items() if name != "console"},
        "RabbitMQ": system.servers.rabbitmq_url,
        "Redis": system.servers.redis_url,
        "data": str(system.summary_file.parent),
    }
    for name, value in addresses.items():
        console.say(f"{name:<15} {value}")
    for text in what_to_try("PLATE"):
        console.say(text)
