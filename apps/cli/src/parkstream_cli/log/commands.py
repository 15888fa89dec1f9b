"""The commands of the log."""

from typing import Final

import cyclopts

from parkstream_cli.log import keeping

app: Final = cyclopts.App(name="log", help="The log: look at it, keep it, move it.")
app.command(keeping.archive)
app.command(keeping.restore)
