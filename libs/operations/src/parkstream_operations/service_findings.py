"""What to do about what a service says of its health."""

from typing import Final

from parkstream_service.unreachable import UnreachableError

from parkstream_operations.findings import Finding, note, wrong

SEE_RUNBOOK: Final = "see the runbook: messages wait in RabbitMQ"
CREDENTIALS: Final = "credentials"
"""What a service that listens on this machine only may be without."""
ADVICE: Final = {
    "dead_letters": "mend the cause: the messages are published by themselves; see the runbook: dead letters",
    "gates": "see the runbook: a gate is behind",
    "rabbitmq": "see the runbook: RabbitMQ is silent, or a queue is not ours",
}


def of_problem(service: str, name: str, detail: str) -> Finding:
    """Return what it means that *service* misses something: *detail* of what it calls *name*."""
    about = f"{service}: {name}"
    if name == CREDENTIALS:
        return note(about, detail, "fine while only this machine asks; see the decision: callers and their roles")
    return wrong(about, detail, ADVICE.get(name, SEE_RUNBOOK))


def unreachable(service: str, variable: str, error: UnreachableError) -> Finding:
    """Return what it means that *service*, whose address is in *variable*, does not answer."""
    return wrong(service, str(error), _advice(service, variable, error))


def no_camera(service: str, error: UnreachableError) -> Finding:
    """Return what it means that a generator does not answer."""
    return note(service, str(error), "fine when real cameras publish instead")


def _advice(service: str, variable: str, error: UnreachableError) -> str:
    if "HTTP 401" in error.why or "HTTP 403" in error.why:
        return "set PARKSTREAM_API_TOKEN to a credential that has the role visits:read there"
    if "HTTP 503" in error.why:
        return f"{service} runs, but says what it misses: see above"
    return f"start {service}, or set {variable}"
