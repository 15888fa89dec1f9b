"""Services that run with passwords and credentials in their environment: nothing that leaves them shows one."""

from collections.abc import Iterator

import pytest
from mistyped_addresses import PASSWORD, WELL_FORMED, well_formed
from parkstream_devtools import Sandbox, ServiceProcess
from parkstream_devtools.otlp.sink import Sink
from parkstream_devtools.servers.process import answers
from raw_http import ask, request
from summary_client import eventually

MODULES = [
    "parkstream_summary_api",
    "parkstream_backend",
    "parkstream_console",
    "parkstream_entry_generator",
    "parkstream_exit_generator",
]
LOOKED_AT = ("/health/live", "/health/ready", "/metrics", "/docs", "/nothing")
TOKEN = f"{PASSWORD}-of-the-service"


@pytest.fixture(scope="module")
def receiver() -> Iterator[Sink]:
    with Sink() as sink:
        yield sink


def asked(service: ServiceProcess) -> str:
    """Return all that *service* answers, whoever asks."""
    borne = [f"Bearer {TOKEN}", f"Bearer {PASSWORD}", f"Basic {PASSWORD}", PASSWORD]
    heads = [[("Host", "localhost"), ("Authorization", one)] for one in borne]
    content = [request("GET", path, head) for path in LOOKED_AT for head in heads]
    content += [request("POST", "/v1/stop", head) for head in heads[1:]]
    return "\n".join(ask(service.port, one)[1].decode() for one in content)


def is_failing(service: ServiceProcess) -> bool:
    return (
        answers(service.port)
        and b'"failing"' in ask(service.port, request("GET", "/health/ready", [("Host", "localhost")]))[1]
    )


@pytest.mark.parametrize("away", [True, False])
def test_what_leaves_a_service_shows_no_password(sandbox: Sandbox, servers, receiver: Sink, tmp_path, away: bool):
    """Of servers that are away, and of those that know another password."""
    redis, rabbitmq = (1, 1) if away else (servers.redis.port, servers.rabbitmq.port)

    def environ(number: int) -> dict[str, str]:
        forms = [(number + other) % len(WELL_FORMED) for other in range(3)]
        return {
            "PARKSTREAM_REDIS_URL": well_formed("redis", f"127.0.0.1:{redis}")[forms[0]].rstrip("/"),
            "PARKSTREAM_RABBITMQ_URL": well_formed("amqp", f"127.0.0.1:{rabbitmq}")[forms[1]],
            "PARKSTREAM_SUMMARY_URL": well_formed("http", "127.0.0.1:1")[forms[2]],
            "PARKSTREAM_SUMMARY_FILE": str(tmp_path / "summaries.jsonl"),
            "PARKSTREAM_API_TOKEN": TOKEN,
            "PARKSTREAM_MALL": f"secrets-{away}",
            "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.endpoint,
            "OTEL_METRIC_EXPORT_INTERVAL": "500",
        }

    services = [sandbox.service(module, environ(number + 2 * away)) for number, module in enumerate(MODULES)]
    for service in services:
        eventually(lambda: is_failing(service), 240)  # noqa: B023 - it is called at once
    said = "".join(map(asked, services))
    for service in services:
        service.terminate()
    printed = "".join(service.output.read_text() for service in services)
    assert not away or "127.0.0.1" in printed + said  # They say where they looked.
    sent = repr([*receiver.spans(), *receiver.metrics(), *receiver.logs()])
    assert "parkstream" in sent
    assert [found for found in (printed, said, sent) if PASSWORD in found] == []
