"""Do the services answer, and what do they complain about."""

import asyncio
from typing import Final

from msgspec import Struct, field

from parkstream_cli.doctor.findings import Finding, note, ok, wrong
from parkstream_cli.probes import Asker, UnreachableError
from parkstream_cli.settings import Settings

LAG_MANY: Final = 10_000


class Backend(Struct, frozen=True, kw_only=True):
    """What its read API says."""

    position: int = 0
    lag: int = 0
    pending: int = 0
    outbox_depth: int = 0
    parked: int = 0
    unreadable: int = 0


class Summaries(Struct, frozen=True, kw_only=True):
    """What its statistics say; ``current`` counts visits by outcome."""

    lines: int = 0
    position: int | None = None
    current: dict[str, int] = field(default_factory=dict[str, int])


async def examine(settings: Settings, asker: Asker) -> tuple[list[Finding], int | None]:
    """Look at every service; also return the greatest position that the summary API knows, if it says."""
    (summaries, position), backend, *generators = await asyncio.gather(
        _summaries(settings.summary_url, asker),
        _backend(settings.backend_url, asker),
        _generator("entry-generator", settings.entry_generator_url, asker),
        _generator("exit-generator", settings.exit_generator_url, asker),
    )
    return [*summaries, *backend, *generators], position


async def _summaries(url: str, asker: Asker) -> tuple[list[Finding], int | None]:
    try:
        await asker.get(f"{url}/health/ready", object)
        stats = await asker.get(f"{url}/v1/stats", Summaries)
    except UnreachableError as error:
        return [wrong("summary-api", str(error), _advice("summary-api", "PARKSTREAM_SUMMARY_URL", error))], None
    return [ok("summary-api", f"{stats.lines:,} lines")], stats.position


async def _backend(url: str, asker: Asker) -> list[Finding]:
    try:
        await asker.get(f"{url}/health/ready", object)
        state = await asker.get(f"{url}/v1/state", Backend)
    except UnreachableError as error:
        return [wrong("backend", str(error), _advice("backend", "PARKSTREAM_BACKEND_URL", error))]
    figures = f"{state.lag:,} behind, {state.pending:,} pending, {state.outbox_depth:,} to deliver"
    told = f"position {state.position:,}, {figures}"
    findings = [note("backend", told, "it is catching up") if state.lag > LAG_MANY else ok("backend", told)]
    if state.parked:
        advice = "parkstream outbox parked lists them; see the runbook: parked summaries"
        findings.append(wrong("outbox", f"{state.parked} summaries are parked", advice))
    if state.unreadable:
        advice = "parkstream log unreadable lists them; see the runbook: unreadable records"
        findings.append(wrong("records", f"{state.unreadable} records of the log cannot be read", advice))
    return findings


async def _generator(name: str, url: str, asker: Asker) -> Finding:
    try:
        await asker.get(f"{url}/health/ready", object)
    except UnreachableError as error:
        return note(name, str(error), "fine when real cameras publish instead")
    return ok(name, "ready")


def _advice(service: str, variable: str, error: UnreachableError) -> str:
    if "HTTP 401" in error.why or "HTTP 403" in error.why:
        return "set PARKSTREAM_API_TOKEN to the token of the service"
    if "HTTP 503" in error.why:
        return f"{service} runs, but says what it misses: see above"
    return f"start {service}, or set {variable}"
