"""Every connection may go over TLS, and then goes to nobody whose certificate is not vouched for."""

import asyncio
from contextlib import ExitStack
from urllib.parse import quote, urlsplit

import pytest
import trustme
from command_line import CommandLine
from generator_client import finished, reached
from parkstream_devtools.otlp.sink import Sink
from pipeline import Pipeline
from readiness import failing
from tls_front import TlsFront

UNTRUSTED = "CERTIFICATE_VERIFY_FAILED"
CAMERAS = {"PARKSTREAM_RATE": "50", "PARKSTREAM_DWELL_MEDIAN_SECONDS": "0.2"}


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.fixture(scope="module")
def trusted(authority, tmp_path_factory):
    """The file of the authority's certificate."""
    file = tmp_path_factory.mktemp("ca") / "ca.pem"
    authority.cert_pem.write_to_path(str(file))
    return file


@pytest.fixture
def fronts():
    with ExitStack() as open_:
        yield open_


@pytest.fixture
def secured(fronts, authority, redis_url, rabbitmq_url):
    """Return the addresses of Redis and RabbitMQ over TLS, by a certificate for *host*."""

    def at(host="127.0.0.1"):
        certificate = authority.issue_cert(host)
        redis, rabbitmq = (
            fronts.enter_context(TlsFront(urlsplit(url).port, certificate)).port for url in (redis_url, rabbitmq_url)
        )
        parts = urlsplit(rabbitmq_url)
        return {
            "PARKSTREAM_REDIS_URL": f"rediss://127.0.0.1:{redis}",
            "PARKSTREAM_RABBITMQ_URL": f"amqps://{parts.username}:{parts.password}@127.0.0.1:{rabbitmq}{parts.path}",
        }

    return at


async def test_cars_go_all_the_way_over_tls(run_service, secured, fronts, authority, trusted, mall, tmp_path):
    at, certificate = secured(), authority.issue_cert("127.0.0.1")
    sink = fronts.enter_context(Sink())
    telemetry = fronts.enter_context(TlsFront(urlsplit(sink.endpoint).port, certificate))
    pipeline = Pipeline(run_service, at["PARKSTREAM_REDIS_URL"], at["PARKSTREAM_RABBITMQ_URL"], mall, tmp_path)
    pipeline.environ |= {
        "SSL_CERT_FILE": str(trusted),
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"https://127.0.0.1:{telemetry.port}",
        "OTEL_EXPORTER_OTLP_CERTIFICATE": str(trusted),
    }
    pipeline.start_api()
    summaries = fronts.enter_context(TlsFront(pipeline.api.port, certificate))
    pipeline.start_backend({"PARKSTREAM_SUMMARY_URL": f"https://127.0.0.1:{summaries.port}"})
    exits, entries = (
        await asyncio.to_thread(run_service, f"parkstream_{way}_generator", pipeline.environ | CAMERAS)
        for way in ("exit", "entry")
    )
    await reached(exits, lambda now: now["matched"] > 5)
    await finished(entries)
    await pipeline.until(lambda: pipeline.stats()["lines"] > 5)
    assert await asyncio.to_thread(sink.wait_for, lambda sink: sink.span_count > 5)
    parkstream = CommandLine({**pipeline.environ, "PARKSTREAM_SUMMARY_URL": f"https://127.0.0.1:{summaries.port}"})
    assert (await asyncio.to_thread(parkstream, "log", "stats")).code == 0
    assert (await asyncio.to_thread(parkstream, "dead-letters", "list")).code == 0
    doctor = await asyncio.to_thread(parkstream, "doctor")
    assert UNTRUSTED not in doctor.out + doctor.err


def test_an_authority_may_be_named_in_the_address(secured, trusted):
    at, file = secured(), quote(str(trusted), safe="")
    at["PARKSTREAM_REDIS_URL"] += f"?ssl_ca_certs={file}"
    at["PARKSTREAM_RABBITMQ_URL"] += f"?cafile={file}"
    assert CommandLine(at)("log", "stats").code == 0
    assert "there is no queue" in CommandLine(at)("dead-letters", "list").err


@pytest.mark.parametrize(
    ("host", "known"), [("127.0.0.1", False), ("elsewhere.example", True)], ids=["unknown authority", "other host"]
)
async def test_nobody_is_talked_to_without_a_certificate_that_is_vouched_for(
    run_service, secured, fronts, authority, trusted, mall, tmp_path, redis_url, rabbitmq_url, host, known
):
    at = secured(host) | ({"SSL_CERT_FILE": str(trusted)} if known else {})
    for command in (["log", "stats"], ["dead-letters", "list"]):
        refused = await asyncio.to_thread(CommandLine(at), *command)
        assert (refused.code, UNTRUSTED.lower() in refused.err.lower().replace(" ", "_")) == (1, True), refused
    pipeline = Pipeline(run_service, redis_url, rabbitmq_url, mall, tmp_path)
    pipeline.start_api()
    summaries = fronts.enter_context(TlsFront(pipeline.api.port, authority.issue_cert(host)))
    to_api = {**at, "PARKSTREAM_REDIS_URL": redis_url, "PARKSTREAM_RABBITMQ_URL": rabbitmq_url}
    backend = pipeline.start_backend({**to_api, "PARKSTREAM_SUMMARY_URL": f"https://127.0.0.1:{summaries.port}"})
    cameras = {**pipeline.environ, **CAMERAS}
    exits, entries = (
        await asyncio.to_thread(run_service, f"parkstream_{way}_generator", cameras) for way in ("exit", "entry")
    )
    await reached(exits, lambda now: now["matched"] > 5)
    await pipeline.until(lambda: UNTRUSTED in backend.output.read_text())
    assert pipeline.stats()["lines"] == 0
    for service in (entries, exits):
        await finished(service)
    asked = {**pipeline.environ, **at}
    stranger = await asyncio.to_thread(run_service, "parkstream_backend", asked, ready=False)
    await pipeline.until(lambda: UNTRUSTED in failing(stranger.url).get("redis", ""))
