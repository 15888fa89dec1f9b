"""The commands of the log."""

from typing import Final

import cyclopts

from parkstream_cli.log import checking, keeping, moving

app: Final = cyclopts.App(name="log", help="The log of all that happened: look at it, check it, move it, keep it.")
app.command(checking.verify_log, name="verify")
app.command(moving.export_log, name="export")
app.command(moving.import_log, name="import")
app.command(keeping.archive)
app.command(keeping.restore)
