"""Do the services answer, and what do they complain about."""

import asyncio
from typing import Final

from parkstream_devtools.pipeline.snapshots import State, Stats
from parkstream_devtools.probes import ServiceClient, UnreachableError

from parkstream_cli.doctor.findings import Finding, note, ok, wrong
from parkstream_cli.settings import Settings

LAG_MANY: Final = 10_000
SEE_RUNBOOK: Final = "see the runbook: messages wait in RabbitMQ"
CREDENTIALS: Final = "credentials"
"""What a service that listens on this machine only may be without."""
ADVICE: Final = {
    "dead_letters": "mend the cause: the messages are published by themselves; see the runbook: dead letters",
    "rabbitmq": "see the runbook: RabbitMQ is silent, or a queue is not ours",
}


async def examine(settings: Settings, client: ServiceClient) -> tuple[list[Finding], int | None]:
    """Look at every service; also return the greatest position that the summary API knows, if it says."""
    (summaries, position), backend, *generators = await asyncio.gather(
        _summaries(settings.summary_url, client),
        _backend(settings.backend_url, client),
        _generator("entry-generator", settings.entry_generator_url, client),
        _generator("exit-generator", settings.exit_generator_url, client),
    )
    return [*summaries, *backend, *generators], position


async def _summaries(url: str, client: ServiceClient) -> tuple[list[Finding], int | None]:
    try:
        await client.get(f"{url}/health/ready", object)
        stats = await client.get(f"{url}/v1/stats", Stats)
    except UnreachableError as error:
        return [wrong("summary-api", str(error), _advice("summary-api", "PARKSTREAM_SUMMARY_URL", error))], None
    return [ok("summary-api", f"{stats.lines:,} lines")], stats.position


async def _backend(url: str, client: ServiceClient) -> list[Finding]:
    try:
        problems = await client.problems(url)
        state = await client.get(f"{url}/v1/state", State)
    except UnreachableError as error:
        return [wrong("backend", str(error), _advice("backend", "PARKSTREAM_BACKEND_URL", error))]
    return [*_problems(problems), *_state(state)]


def _problems(problems: dict[str, str]) -> list[Finding]:
    return [_problem(name, detail) for name, detail in problems.items()]


def _problem(name: str, detail: str) -> Finding:
    about = f"backend: {name}"
    if name == CREDENTIALS:
        return note(about, detail, "fine while only this machine asks; see the decision: callers and their roles")
    return wrong(about, detail, ADVICE.get(name, SEE_RUNBOOK))


def _state(state: State) -> list[Finding]:
    figures = f"{state.lag:,} behind, {state.pending:,} pending, {state.outbox_depth:,} to deliver"
    text = f"position {state.position:,}, {figures}"
    findings = [note("backend", text, "it is catching up") if state.lag > LAG_MANY else ok("backend", text)]
    if state.parked:
        advice = "parkstream outbox parked lists them; see the runbook: parked summaries"
        findings.append(wrong("outbox", f"{state.parked} summaries are parked", advice))
    if state.unreadable:
        advice = "parkstream log unreadable lists them; see the runbook: unreadable records"
        findings.append(wrong("records", f"{state.unreadable} records of the log cannot be read", advice))
    return findings


async def _generator(name: str, url: str, client: ServiceClient) -> Finding:
    try:
        await client.get(f"{url}/health/ready", object)
    except UnreachableError as error:
        return note(name, str(error), "fine when real cameras publish instead")
    return ok(name, "ready")


def _advice(service: str, variable: str, error: UnreachableError) -> str:
    if "HTTP 401" in error.why or "HTTP 403" in error.why:
        return "set PARKSTREAM_API_TOKEN to a credential that has the role visits:read there"
    if "HTTP 503" in error.why:
        return f"{service} runs, but says what it misses: see above"
    return f"start {service}, or set {variable}"
