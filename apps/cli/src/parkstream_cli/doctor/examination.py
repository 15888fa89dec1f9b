"""Looks at everything and shows what was found."""

from pathlib import Path

from rich.console import Console
from rich.table import Table

from parkstream_cli.doctor import rabbitmq, redis, services
from parkstream_cli.doctor.findings import Finding, Level
from parkstream_cli.probes import Asker
from parkstream_cli.settings import Settings

_STYLES = {Level.OK: "green", Level.NOTE: "yellow", Level.WRONG: "bold red"}


async def examine(settings: Settings) -> list[Finding]:
    """Look at the servers, the log and the services that *settings* name."""
    async with Asker(settings.api_token) as asker:
        found, position = await services.examine(settings, asker)
    broker = await rabbitmq.examine(settings.rabbitmq_url)
    memory = await redis.examine(
        settings.redis_url, settings.mall, Path(settings.summary_file), position, settings.archive_dir
    )
    return [*broker, *memory, *found]


def show(findings: list[Finding], console: Console) -> None:
    """Print *findings* as a table, each with what to do."""
    table = Table("", "about", "found", "what to do")
    for finding in findings:
        style = _STYLES[finding.level]
        table.add_row(f"[{style}]{finding.level}[/{style}]", finding.about, finding.found, finding.advice)
    console.print(table)
