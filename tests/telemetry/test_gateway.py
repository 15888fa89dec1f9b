"""The gateway keeps traces whole, lets no plate out, and loses nothing while SigNoz is away; in the real collector."""

from datetime import timedelta
from pathlib import Path

import pytest
import yaml
from backend_sightings import now
from gateway import CONFIGS, Gateway, SigNozInstead, collector, valid
from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import SimpleLogRecordProcessor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from parkstream_definitions import foreign
from parkstream_devtools import free_port
from parkstream_telemetry.kept_spans import kept_spans
from traces import Camera, traced_pipeline, until

SERVICES = {"parkstream-backend", "parkstream-summary-api"}
HOUR = timedelta(hours=1)
PATIENT = {"PARKSTREAM_TRACE_WAIT": "20s"}
"""So long may all spans of a trace take to come, on a slow machine, too."""
PLATE = "KLM4711"
HASHED = {"parking.vehicle.plate_hash": "8f3a", "messaging.message.body.size": 91, "url.template": "/v1/visits/{plate}"}
HOLDING = {
    "vehicle_plate": PLATE,
    "vehicle.license_plate": PLATE,
    "plateNumber": PLATE,
    "messaging.message.body": f'{{"vehicle_plate": "{PLATE}"}}',
    "parking.detail": f"no visit of {PLATE} is remembered",
    "url.full": f"http://api/v1/visits?plate={PLATE}&limit=1",
    "url.path": f"/v1/plates/{PLATE}/visits",
}
FOREIGN_PLATE = "B-XY 98"
HOLDING_FOREIGN = {
    "body.text": FOREIGN_PLATE,
    "note": f'{{"vehicle_plate": "{FOREIGN_PLATE}"}}',
    "plate": FOREIGN_PLATE,
}


def told(received):
    """Return who told what was *received*."""
    return {one.service for one in received}


@pytest.fixture(scope="session")
def program(tmp_path_factory) -> Path:
    return collector(tmp_path_factory.mktemp("collector"))


@pytest.fixture
def signoz():
    with SigNozInstead() as sink:
        yield sink


def made_spans(count, name="step", resource=None, attributes=None):
    """Return *count* finished spans, each a trace of its own, as the SDK hands them to an exporter."""
    memory = InMemorySpanExporter()
    provider = TracerProvider(resource=Resource(resource or {"service.name": "some-service"}), shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(memory))
    for _ in range(count):
        with provider.get_tracer("test").start_as_current_span(name, attributes=attributes) as span:
            span.add_event("happened", attributes)
    return memory.get_finished_spans()


def export(gateway, spans):
    """Send *spans*; the gateway takes them."""
    exporter = OTLPSpanExporter(endpoint=gateway.endpoint, insecure=True)
    assert exporter.export(spans) is SpanExportResult.SUCCESS
    exporter.shutdown()


@pytest.mark.parametrize("configs", [["gateway.yaml"], ["gateway.yaml", "lite.yaml"]])
def test_the_collector_takes_the_configuration(program, configs):
    assert valid(program, *(CONFIGS / config for config in configs)) == ""


@pytest.mark.parametrize("configs", [["gateway.yaml"], ["gateway.yaml", "lite.yaml"]])
def test_the_hosts_join_either_configuration(program, tmp_path, configs):
    hosts = yaml.safe_load((CONFIGS / "hosts.yaml").read_text())
    receivers = hosts["service"]["pipelines"]["metrics/hosts"]["receivers"]
    assert set(receivers) == set(hosts["receivers"]) == {"host_metrics", "docker_stats"}
    # The stand-in lacks these two receivers: what can be tried is that the pipeline fits.
    hosts["receivers"] = {f"otlp/{name}": {"protocols": {"grpc": {"endpoint": "127.0.0.1:1"}}} for name in receivers}
    hosts["service"]["pipelines"]["metrics/hosts"]["receivers"] = list(hosts["receivers"])
    (tmp_path / "hosts.yaml").write_text(yaml.safe_dump(hosts))
    assert valid(program, *(CONFIGS / config for config in configs), tmp_path / "hosts.yaml") == ""


async def test_traces_of_our_services_come_out_whole_with_what_signoz_needs(
    sandbox, servers, program, signoz, tmp_path
):
    with (
        Gateway(sandbox, program, tmp_path, signoz.port, environ=PATIENT) as gateway,
        traced_pipeline(sandbox, *servers, tmp_path, signoz) as traced,
    ):
        traced.pipeline.environ["OTEL_EXPORTER_OTLP_ENDPOINT"] = gateway.endpoint
        traced.pipeline.start()
        async with Camera(traced.pipeline.rabbitmq_url) as camera:
            await camera.enters("ONE", now() - HOUR)
            left = await camera.leaves("ONE", now())
            trace = await traced.trace(left)
        assert len(trace.all) == 5
        together = [counts[left[3:35]] for counts in signoz.traces_by_request() if left[3:35] in counts]
        assert together == [5]
        await until(lambda: told(signoz.metrics()) >= SERVICES, lambda: repr(told(signoz.metrics())))
        await until(lambda: told(signoz.logs()) >= SERVICES, lambda: repr(told(signoz.logs())))
    found = list(signoz.resources())
    assert {one["service.name"] for one in found} == SERVICES
    for one in found:
        assert one["deployment.environment"] == one["deployment.environment.name"] == "testing"
        assert one["service.namespace"] == "parkstream"
        assert one["service.instance.id"]


async def test_no_plate_comes_out_wherever_it_was_put(sandbox, program, signoz, tmp_path):
    attributes = {**HASHED, **HOLDING, **HOLDING_FOREIGN}
    resource = {"service.name": "careless", **HOLDING}
    with Gateway(sandbox, program, tmp_path, signoz.port) as gateway:
        export(gateway, made_spans(1, f"visit {PLATE}", resource, attributes))
        provider = LoggerProvider(Resource(resource), shutdown_on_exit=False)
        exporter = OTLPLogExporter(endpoint=gateway.endpoint, insecure=True)
        provider.add_log_record_processor(SimpleLogRecordProcessor(exporter))
        provider.get_logger("test").emit(
            body=f"no visit of {PLATE}; plate='{FOREIGN_PLATE}', plate={PLATE}", attributes=attributes
        )
        provider.shutdown()
        await until(lambda: bool(signoz.spans() and signoz.logs()), gateway.said)
    for plate in (PLATE, FOREIGN_PLATE):
        assert plate.encode() not in signoz.raw()
    (span,) = signoz.spans()
    assert span.name == "visit [plate]"
    assert span.attributes["url.full"] == "http://api/v1/visits?plate=[plate]&limit=1"
    assert span.attributes["parking.detail"] == "no visit of [plate] is remembered"
    assert span.attributes["note"] == '{"vehicle_plate": "[plate]"}'
    for kept in (span.attributes, span.events[0].attributes, signoz.logs()[0].attributes):
        assert HASHED.items() <= kept.items()


async def test_while_signoz_is_away_telemetry_waits_on_disk_and_nobody_waits_for_it(sandbox, program, tmp_path):
    spans = made_spans(600)
    port = free_port()
    with Gateway(sandbox, program, tmp_path, port) as gateway:
        for start in range(0, len(spans), 100):
            export(gateway, spans[start : start + 100])
        await until(lambda: gateway.queued() == len(spans), gateway.said)
        gateway.kill()
        gateway.start()
        assert gateway.queued() == len(spans)
        with SigNozInstead(port) as signoz:
            await until(lambda: len(signoz.spans()) >= len(spans), gateway.said, timeout_seconds=240)
            assert {one.span_id for one in signoz.spans()} == {f"{one.context.span_id:016x}" for one in spans}
            await until(lambda: gateway.queued() == 0)


async def test_what_the_dashboards_ask_of_others_is_what_others_tell(sandbox, shared_redis, program, signoz, tmp_path):
    rabbitmq = sandbox.rabbitmq(metrics=True)
    environ = {
        "PARKSTREAM_REDIS_ADDRESS": shared_redis.url.removeprefix("redis://").rstrip("/"),
        "PARKSTREAM_RABBITMQ_METRICS": f"127.0.0.1:{rabbitmq.metrics_port}",
    }
    async with Camera(rabbitmq.url) as camera:
        await camera.enters("ONE", now())
    wanted = {one.name: one for one in foreign.ALL if one is not foreign.DISK_USED}
    kinds = {"gauge": {"gauge", "sum"}, "counter": {"sum"}}
    with Gateway(sandbox, program, tmp_path, signoz.port, environ=environ) as gateway:
        await until(
            lambda: wanted.keys() <= {one.name for one in signoz.metrics()},
            lambda: repr(wanted.keys() - {one.name for one in signoz.metrics()}) + gateway.said(),
            timeout_seconds=240,
        )
        for one in signoz.metrics():
            if one.name in wanted:
                assert one.kind in kinds[wanted[one.name].kind]
                assert {label.name for label in wanted[one.name].attributes} <= one.attributes.keys()
        scraped = gateway.prometheus()
    for name in wanted:
        assert name.replace(".", "_") in scraped
    rabbitmq.kill()


def calls_of(name, scraped):
    """Return the counts of calls of the span *name*."""
    calls = [line for line in scraped.splitlines() if "_calls_total{" in line and f'span_name="{name}"' in line]
    return [line.rpartition(" ")[2] for line in calls]


async def test_without_signoz_there_are_rates_and_durations_to_scrape(sandbox, program, tmp_path):
    with Gateway(sandbox, program, tmp_path, free_port(), ("gateway.yaml", "lite.yaml")) as gateway:
        export(gateway, made_spans(7, "project"))
        await until(lambda: calls_of("project", gateway.prometheus()) == ["7"], gateway.said)
    assert not (tmp_path / "queue").exists()


async def test_without_signoz_the_newest_spans_are_kept_and_no_more_than_two_files(sandbox, program, tmp_path):
    file = tmp_path / "spans" / "spans.jsonl"
    with Gateway(sandbox, program, tmp_path, free_port(), ("gateway.yaml", "lite.yaml")) as gateway:
        for nth in range(8):  # Each about 0.5 MB; a file takes 1 MB.
            spans = made_spans(1_000, f"step {nth}", attributes={"parking.visit.id": "v" * 100})
            export(gateway, spans)
            newest = [f"{span.context.trace_id:032x}" for span in spans]
            await until(lambda ids=newest: ids[-1] in {one.trace_id for one in kept_spans(file)}, gateway.said)
        kept = {one.trace_id: one for one in kept_spans(file)}
        await until(lambda: len(list(file.parent.iterdir())) == 2, lambda: repr(list(file.parent.iterdir())))
    assert set(newest) <= kept.keys()
    assert sum(one.stat().st_size for one in file.parent.iterdir()) <= 2 * 2**20
    one = kept[newest[0]]
    assert (one.service, one.name, one.kind) == ("some-service", "step 7", "INTERNAL")
    assert one.attributes["parking.visit.id"] == "v" * 100
    assert one.events[0].name == "happened"
