"""Every connection may go over TLS, and then goes to nobody whose certificate is not vouched for."""

import asyncio
from contextlib import ExitStack
from urllib.parse import quote, urlsplit

import pytest
import trustme
from command_line import CommandLine
from generator_client import finished, reached
from parkstream_devtools import failing
from parkstream_devtools.otlp.sink import Sink
from pipeline import Pipeline
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


class Tls:
    """Fronts before Redis, RabbitMQ and whatever else, by certificates of *authority*, whose own is in *file*."""

    def __init__(self, authority, file, redis_url, rabbitmq_url):
        self.file = str(file)
        self._authority = authority
        self._urls = redis_url, rabbitmq_url
        self.fronts = ExitStack()

    def before(self, url, host="127.0.0.1"):
        """Return the port of TLS, by a certificate for *host*, before the server at *url*."""
        front = TlsFront(urlsplit(url).port, self._authority.issue_cert(host))
        return self.fronts.enter_context(front).port

    def addresses(self, host="127.0.0.1"):
        redis, rabbitmq = (self.before(url, host) for url in self._urls)
        parts = urlsplit(self._urls[1])
        return {
            "PARKSTREAM_REDIS_URL": f"rediss://127.0.0.1:{redis}",
            "PARKSTREAM_RABBITMQ_URL": f"amqps://{parts.username}:{parts.password}@127.0.0.1:{rabbitmq}{parts.path}",
        }


@pytest.fixture
def tls(authority, trusted, redis_url, rabbitmq_url, service_ending):
    made = Tls(authority, trusted, redis_url, rabbitmq_url)
    with made.fronts:
        yield made
        service_ending.close()  # Nobody connects while they close.


@pytest.fixture
def pipeline(run_service, redis_url, rabbitmq_url, mall, tmp_path):
    return Pipeline(run_service, redis_url, rabbitmq_url, mall, tmp_path)


async def cars(run_service, environ):
    """Let some cars come and go; return when nothing more is published."""
    exits = await asyncio.to_thread(run_service, "parkstream_exit_generator", environ | CAMERAS)
    entries = await asyncio.to_thread(run_service, "parkstream_entry_generator", environ | CAMERAS)
    await reached(exits, lambda now: now["matched"] > 5)
    for service in (entries, exits):
        await finished(service)


async def test_cars_go_all_the_way_over_tls(run_service, tls, pipeline):
    sink = tls.fronts.enter_context(Sink())
    pipeline.environ |= tls.addresses() | {
        "SSL_CERT_FILE": tls.file,
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"https://127.0.0.1:{tls.before(sink.endpoint)}",
        "OTEL_EXPORTER_OTLP_CERTIFICATE": tls.file,
    }
    pipeline.start_api()
    pipeline.environ["PARKSTREAM_SUMMARY_URL"] = url = f"https://127.0.0.1:{tls.before(pipeline.api.url)}"
    pipeline.start_backend({"PARKSTREAM_SUMMARY_URL": url})
    await cars(run_service, pipeline.environ)
    await pipeline.until(lambda: pipeline.stats()["lines"] > 5)
    assert await asyncio.to_thread(sink.wait_for, lambda sink: sink.span_count > 5)
    parkstream = CommandLine(pipeline.environ)
    for command in (["log", "stats"], ["dead-letters", "list"]):
        assert (await asyncio.to_thread(parkstream, *command)).code == 0
    doctor = await asyncio.to_thread(parkstream, "doctor")
    assert UNTRUSTED not in doctor.out + doctor.err


def test_an_authority_may_be_named_in_the_address(tls):
    at, file = tls.addresses(), quote(tls.file, safe="")
    at["PARKSTREAM_REDIS_URL"] += f"?ssl_ca_certs={file}"
    at["PARKSTREAM_RABBITMQ_URL"] += f"?cafile={file}"
    assert CommandLine(at)("log", "stats").code == 0
    assert "there is no queue" in CommandLine(at)("dead-letters", "list").err


@pytest.mark.parametrize(
    ("host", "known"), [("127.0.0.1", False), ("elsewhere.example", True)], ids=["unknown authority", "other host"]
)
async def test_nobody_is_talked_to_without_a_certificate_that_is_vouched_for(run_service, tls, pipeline, host, known):
    at = tls.addresses(host) | ({"SSL_CERT_FILE": tls.file} if known else {})
    for command in (["log", "stats"], ["functions", "load"], ["dead-letters", "list"]):
        refused = await asyncio.to_thread(CommandLine(at), *command)
        assert (refused.code, "certificate verify failed" in refused.err) == (1, True), refused
    environ = {**pipeline.environ, **at}
    stranger = await asyncio.to_thread(run_service, "parkstream_backend", environ, ready=False)
    pipeline.start_api()
    url = f"https://127.0.0.1:{tls.before(pipeline.api.url, host)}"
    plain = {name: pipeline.environ[name] for name in at if name in pipeline.environ}
    backend = pipeline.start_backend({**at, **plain, "PARKSTREAM_SUMMARY_URL": url})
    await cars(run_service, pipeline.environ)
    await pipeline.until(lambda: UNTRUSTED in backend.output.read_text())
    assert pipeline.stats()["lines"] == 0
    await pipeline.until(lambda: UNTRUSTED in failing(stranger.url).get("redis", ""))
