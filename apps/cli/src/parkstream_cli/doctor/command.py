"""``parkstream doctor``: looks at everything that runs, and prints what is wrong and what to do."""

from pathlib import Path
from typing import Annotated, Final

from cyclopts import Parameter
from parkstream_operations.findings import Finding, Level, note
from parkstream_service.client import ServiceClient

from parkstream_cli.connections import settings_here
from parkstream_cli.discovery import hint_here
from parkstream_cli.doctor import mark, overview, rabbitmq, redis, services, signoz_stack, summaries
from parkstream_cli.errors import FAILED
from parkstream_cli.output import AsJson, as_json, line, paragraph
from parkstream_cli.settings import Settings

INDENT: Final = "       "


async def doctor(
    *,
    signoz: Annotated[bool, Parameter(help="Check the steps in which SigNoz starts instead.", negative="")] = False,
    json: AsJson = False,
) -> int:
    """Check RabbitMQ, Redis, the log and the services; print what is wrong and how to mend it (exit 1)."""
    findings = await (signoz_stack.examine() if signoz else examine(settings_here()))
    if not signoz and (hint := hint_here()):
        findings.insert(0, note("up", hint, "fine when you mean what runs elsewhere"))
    healthy = all(finding.level is not Level.WRONG for finding in findings)
    if json:
        as_json({"ok": healthy, "findings": findings})
    else:
        show(findings)
    return 0 if healthy else FAILED


async def examine(settings: Settings) -> list[Finding]:
    """Look at the servers, the log and the services that *settings* name."""
    async with ServiceClient(settings.api_token) as client:
        found, position = await services.examine(settings, client)
        found += await summaries.examine(settings, client)
    broker = await rabbitmq.examine(settings.rabbitmq_url, settings.rabbitmq_management_url)
    memory = await redis.examine(
        settings.redis_url,
        settings.mall,
        Path(settings.summary_file),
        position,
        settings.archive_dir,
        replicas_min=settings.redis_replicas_min,
    )
    return [*broker, *memory, *await mark.examine(settings), *await overview.examine(settings), *found]


def show(findings: list[Finding]) -> None:
    """Print one block per finding: what was looked at, what was found, and what to do."""
    for finding in findings:
        line(f"{finding.level:<5}  {finding.about}")
        paragraph(finding.found, indent=INDENT)
        if finding.advice:
            paragraph(f"→ {finding.advice}", indent=INDENT)
