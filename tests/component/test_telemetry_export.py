"""What really leaves a process, over gRPC and HTTP, and what it costs when nobody takes it."""

import os
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from threading import enumerate as threads

import msgspec
import pytest
from marked_processes import eventually
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import Tracer as SdkTracer
from parkstream_devtools.otlp.received import logs_of, points_of, spans_of
from parkstream_devtools.otlp.sink import Sink
from parkstream_events.wire import Refusal
from parkstream_telemetry import Stage, Telemetry, TelemetryOptions, UnlistedError, end, names, start, traceparent_of
from parkstream_telemetry.export_queue import EXPORT_FAILED, QUEUE_FULL
from parkstream_telemetry.sdk_spans import UnknownProviderError
from parkstream_telemetry.tracer import EncodingTracer
from prometheus_client.parser import text_string_to_metric_families

NOT_SAMPLED = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00"


@pytest.fixture(autouse=True)
def patience(monkeypatch):
    """What is sent has a minute to arrive, since a machine may stand still."""
    monkeypatch.setattr(Telemetry.shutdown, "__defaults__", (60.0,))


@pytest.fixture
def told(monkeypatch, sink):
    """Start telemetry under variables; it ends with the test, before the sink does."""
    for name in [name for name in os.environ if name.startswith("OTEL_")]:
        monkeypatch.delenv(name)
    started = []

    def tell(**variables):
        for name, value in variables.items():
            monkeypatch.setenv(name, str(value))
        options = {"plate_hash_key": "k", "statistics_seconds": 0, "strict": True}
        started.append(start(TelemetryOptions(service="parkstream-backend", **options)))
        return started[-1]

    yield tell
    for telemetry in started:
        telemetry.shutdown()


@pytest.fixture
def sink():
    with Sink() as made:
        yield made


def say_everything(telemetry):
    """Say one thing of each kind; return the span's traceparent."""
    span = telemetry.steps.publish("parking.events", "vehicle.entered", message_id="a", body_size=3)
    telemetry.log(names.EVENT_PAUSED, span=span, reasons="memory")
    end(span)
    telemetry.add(names.DEAD_LETTERS, 2, reason="not_json")
    telemetry.record(names.COMMIT_SIZE, 3)
    telemetry.latency.record(Stage.END_TO_END, 0.012)
    telemetry.watch(names.CARS_INSIDE, lambda: 7)
    return traceparent_of(span)


def make_spans(telemetry, count):
    for number in range(count):
        end(telemetry.steps.project(None, position=number))


def dropped(telemetry):
    families = text_string_to_metric_families(telemetry.prometheus().decode())
    (family,) = [one for one in families if f"{one.name}_total" == names.TELEMETRY_DROPPED.family]
    traces = [one for one in family.samples if one.labels["parking_telemetry_signal"] == "traces"]
    return {one.labels["parking_reason"]: one.value for one in traces}


def test_spans_metrics_and_logs_arrive_over_grpc(told, sink):
    telemetry = told(OTEL_EXPORTER_OTLP_ENDPOINT=sink.endpoint)
    traceparent = say_everything(telemetry)
    telemetry.shutdown()
    (span,) = sink.spans()
    assert (span.service, span.name, span.kind) == (
        "parkstream-backend",
        "publish parking.events:vehicle.entered",
        "PRODUCER",
    )
    assert (span.trace_id, span.span_id) == (traceparent[3:35], traceparent[36:52])
    (log,) = sink.logs()
    assert (log.event, log.severity, log.attributes) == (
        "record.paused",
        "WARNING",
        {"event.name": "record.paused", "parking.reasons": "memory"},
    )
    assert log.body == "Deliveries wait in RabbitMQ. (reasons=memory)"
    assert (log.trace_id, log.span_id) == (span.trace_id, span.span_id)
    points = {point.name: point for point in sink.metrics() if point.value}
    assert points["parking.dead_letters"].value == 2
    assert points["parking.commit.size"].counts[3] == 1
    assert points["parking.cars.inside"].value == 7
    assert points["parking.stage.duration"].attributes == {"parking.stage": "end_to_end"}
    assert sink.problems() == []


def test_every_known_series_is_there_before_anything_is_counted(told, sink):
    told(OTEL_EXPORTER_OTLP_ENDPOINT=sink.endpoint).shutdown()
    found = {(one.name, *one.attributes.values()) for one in sink.metrics() if one.name == names.DEAD_LETTERS.name}
    assert found == {(names.DEAD_LETTERS.name, reason.value) for reason in Refusal}
    assert names.PUBLISHED.name not in {one.name for one in sink.metrics()}


def test_statistics_stay_at_home(told, sink):
    telemetry = told(OTEL_EXPORTER_OTLP_ENDPOINT=sink.endpoint)
    telemetry.log(names.EVENT_STATISTICS, stages={})
    telemetry.log(names.EVENT_RESUMED)
    telemetry.shutdown()
    assert [log.event for log in sink.logs()] == ["record.resumed"]


def test_a_line_may_name_the_trace_that_it_is_about(told, sink):
    telemetry = told(OTEL_EXPORTER_OTLP_ENDPOINT=sink.endpoint)
    telemetry.log(names.EVENT_RESUMED, span=f"00-{'a' * 32}-{'b' * 16}-01")
    telemetry.log(names.EVENT_RESUMED, span="none")
    telemetry.shutdown()
    assert [(log.trace_id, log.span_id) for log in sink.logs()] == [("a" * 32, "b" * 16), ("", "")]


def test_spans_leave_within_the_delay_without_a_shutdown(told, sink):
    telemetry = told(OTEL_EXPORTER_OTLP_ENDPOINT=sink.endpoint, OTEL_BSP_SCHEDULE_DELAY=10, OTEL_BLRP_SCHEDULE_DELAY=10)
    say_everything(telemetry)
    assert sink.wait_for(lambda sink: sink.span_count == 1)


def test_metrics_leave_every_interval(told, sink):
    telemetry = told(OTEL_EXPORTER_OTLP_ENDPOINT=sink.endpoint, OTEL_METRIC_EXPORT_INTERVAL=20)
    telemetry.add(names.DEAD_LETTERS, reason="not_json")
    assert sink.wait_for(lambda sink: len({id(one) for one in sink._points if one.name == names.DEAD_LETTERS.name}) > 2)


def test_a_gauge_that_is_true_or_false_keeps_no_figure_from_leaving(told, sink):
    telemetry = told(OTEL_EXPORTER_OTLP_ENDPOINT=sink.endpoint, OTEL_METRIC_EXPORT_INTERVAL=20)
    telemetry.watch(names.PAUSED, lambda: True)
    assert sink.wait_for(lambda sink: any(one.name == names.PAUSED.name and one.value == 1 for one in sink.metrics()))


@pytest.mark.parametrize("provider", ["", "sdk_tracer_provider"])
def test_everything_arrives_over_http(told, provider):
    with Receiver() as receiver:
        protocol = {"OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf", "OTEL_EXPORTER_OTLP_HEADERS": "x-key=secret"}
        telemetry = told(
            OTEL_EXPORTER_OTLP_ENDPOINT=receiver.endpoint, OTEL_PYTHON_TRACER_PROVIDER=provider, **protocol
        )
        say_everything(telemetry)
        telemetry.shutdown()
        assert {key for _, key, _ in receiver.posts} == {"secret"}
        bodies = {path: body for path, _, body in receiver.posts}
    assert [span.name for span in spans_of(ExportTraceServiceRequest.FromString(bodies["/v1/traces"]))]
    assert [point.name for point in points_of(ExportMetricsServiceRequest.FromString(bodies["/v1/metrics"]))]
    assert [log.event for log in logs_of(ExportLogsServiceRequest.FromString(bodies["/v1/logs"]))] == ["record.paused"]


def test_the_process_is_called_what_the_environment_says(told, sink):
    telemetry = told(
        OTEL_EXPORTER_OTLP_ENDPOINT=sink.endpoint,
        OTEL_SERVICE_NAME="another",
        OTEL_RESOURCE_ATTRIBUTES="deployment.environment.name=test",
    )
    say_everything(telemetry)
    telemetry.shutdown()
    assert {one.service for one in [*sink.spans(), *sink.metrics(), *sink.logs()]} == {"another"}


@pytest.mark.parametrize(
    ("sampler", "argument", "count"),
    [("always_off", "", 0), ("always_on", "", 2), ("parentbased_always_on", "", 1), ("traceidratio", "0.0", 0)],
)
def test_the_sampler_decides_what_is_told(told, sink, sampler, argument, count):
    variables = {"OTEL_TRACES_SAMPLER": sampler, "OTEL_TRACES_SAMPLER_ARG": argument}
    telemetry = told(OTEL_EXPORTER_OTLP_ENDPOINT=sink.endpoint, **{name: one for name, one in variables.items() if one})
    assert telemetry.tracing == (sampler != "always_off")
    end(telemetry.steps.project(None))
    end(telemetry.steps.project(NOT_SAMPLED))
    telemetry.shutdown()
    assert len(sink.spans()) == count


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_SDK_DISABLED": "true"},
        {
            "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1",
            "OTEL_TRACES_EXPORTER": "none",
            "OTEL_METRICS_EXPORTER": "none",
            "OTEL_LOGS_EXPORTER": "none",
        },
    ],
)
def test_asked_for_nothing_no_thread_runs_and_no_span_is_made(told, variables):
    before = set(threads())
    telemetry = told(**variables)
    assert set(threads()) <= before  # Those of a sink before end when they like.
    assert not telemetry.tracing
    assert say_everything(telemetry) is None
    make_spans(telemetry, 1_000)


def test_a_span_that_is_not_listed_is_refused_in_strict_mode(told, sink):
    telemetry = told(OTEL_EXPORTER_OTLP_ENDPOINT=sink.endpoint)
    with pytest.raises(UnlistedError, match="invented"):
        telemetry.tracer.start_span("invented").end()
    with pytest.raises(UnlistedError, match="plate"):
        end(telemetry.steps.project(None), plate="B-AR 123")


@pytest.mark.parametrize(
    ("variables", "events"),
    [
        ({}, 2),
        ({"OTEL_TRACES_SAMPLER": ""}, 2),
        ({"OTEL_SPAN_EVENT_COUNT_LIMIT": "1"}, 1),
        ({"OTEL_PYTHON_TRACER_PROVIDER": "sdk_tracer_provider"}, 2),
        ({"OTEL_TRACES_SAMPLER": "always_on"}, 2),
    ],
)
def test_the_tracer_is_the_one_of_the_sdk_when_more_is_wanted_than_ours_does(told, sink, variables, events):
    telemetry = told(OTEL_EXPORTER_OTLP_ENDPOINT=sink.endpoint, **variables)
    assert isinstance(telemetry.tracer, SdkTracer if any(variables.values()) else EncodingTracer)
    span = telemetry.steps.project(None)
    span.add_event("exception")
    end(span, error=ValueError("x"))
    telemetry.shutdown()
    (sent,) = sink.spans()
    assert (sent.name, sent.service, len(sent.events)) == ("project", "parkstream-backend", events)


def test_a_trace_that_the_sampler_leaves_out_is_left_out(told, sink):
    telemetry = told(OTEL_EXPORTER_OTLP_ENDPOINT=sink.endpoint, OTEL_TRACES_SAMPLER="always_off")
    assert not telemetry.tracing
    telemetry.shutdown()
    assert sink.spans() == []


def test_a_provider_that_is_not_installed_ends_the_service_without_quoting_it(told, sink):
    with pytest.raises(UnknownProviderError) as refused:
        told(OTEL_EXPORTER_OTLP_ENDPOINT=sink.endpoint, OTEL_PYTHON_TRACER_PROVIDER="hunter2")
    assert "sdk_tracer_provider" in str(refused.value)
    assert "hunter2" not in str(refused.value)


def test_without_a_key_plates_are_hashed_with_one_that_nobody_knows(capsys):
    telemetries = [start(TelemetryOptions(service="x", statistics_seconds=0)) for _ in range(2)]
    hashes = {telemetry.hash_plate("BAR123") for telemetry in telemetries}
    assert len(hashes) == 2
    assert [msgspec.json.decode(line)["event"] for line in capsys.readouterr().out.splitlines()] == [
        "plate_hash.key_missing"
    ] * 2
    for telemetry in telemetries:
        telemetry.shutdown()


def test_with_a_key_every_process_hashes_a_plate_alike(told):
    first, second = told().hash_plate("BAR123"), told().hash_plate("BAR123")
    assert first == second
    assert "BAR" not in first
    assert len(first) == 16


def test_statistics_are_said_while_there_are_any(capsys):
    telemetry = start(TelemetryOptions(service="x", plate_hash_key="k", statistics_seconds=60))
    telemetry.latency.record(Stage.END_TO_END, 0.012)
    telemetry.shutdown()
    (line,) = [msgspec.json.decode(line) for line in capsys.readouterr().out.splitlines()]
    assert line["event"] == "latency.statistics"
    assert line["stages"]["end_to_end"] == {"p50_ms": pytest.approx(12, rel=0.01), **line["stages"]["end_to_end"]}
    assert line["stages"]["end_to_end"]["count"] == 1


def test_a_receiver_that_is_gone_costs_no_more_than_a_queue(told, capfd, free_port):
    telemetry = told(OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{free_port()}", OTEL_BSP_MAX_QUEUE_SIZE=5_000)
    make_spans(telemetry, 20_000)
    telemetry.shutdown(3)
    assert eventually(lambda: sum(dropped(telemetry).values()) == 20_000)  # Of what was on its way a moment later.
    assert dropped(telemetry)[QUEUE_FULL] > 10_000
    output = capfd.readouterr()
    assert output.err == ""
    lines = [msgspec.json.decode(line) for line in output.out.splitlines()]
    assert {line["event"] for line in lines} <= {"telemetry.dropped"}
    assert len([line for line in lines if line["signal"] == "traces"]) <= 2


def test_a_slow_receiver_holds_up_nobody_and_shutting_down_is_bounded(told, sink):
    sink.delay_seconds = 3_600  # It answers when it is closed.
    telemetry = told(OTEL_EXPORTER_OTLP_ENDPOINT=sink.endpoint, OTEL_BSP_MAX_QUEUE_SIZE=4_096)
    make_spans(telemetry, 20_000)
    telemetry.shutdown(1.5)
    assert sink.span_count == 0
    assert dropped(telemetry)[QUEUE_FULL] > 0


def test_a_receiver_that_recovers_gets_what_waited(told, sink):
    sink.failing = True
    telemetry = told(OTEL_EXPORTER_OTLP_ENDPOINT=sink.endpoint, OTEL_BSP_SCHEDULE_DELAY=10)
    make_spans(telemetry, 10)
    sink.failing = False
    assert sink.wait_for(lambda sink: sink.span_count == 10)
    assert sum(dropped(telemetry).values()) == 0


def test_a_receiver_that_refuses_ends_no_service(told, capfd):
    with Receiver(status=400) as receiver:
        telemetry = told(
            OTEL_EXPORTER_OTLP_ENDPOINT=receiver.endpoint,
            OTEL_EXPORTER_OTLP_PROTOCOL="http/protobuf",
        )
        make_spans(telemetry, 10)
        telemetry.shutdown()
    assert dropped(telemetry)[EXPORT_FAILED] == 10
    output = capfd.readouterr()
    assert output.err == ""
    assert '"telemetry.dropped"' in output.out


def test_shutting_down_twice_is_no_error(told, sink):
    telemetry = told(OTEL_EXPORTER_OTLP_ENDPOINT=sink.endpoint)
    telemetry.shutdown()
    telemetry.shutdown()


def test_all_spans_of_several_threads_arrive(told, sink):
    telemetry = told(OTEL_EXPORTER_OTLP_ENDPOINT=sink.endpoint)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: make_spans(telemetry, 2_000), range(4)))  # No more than may wait.
    telemetry.shutdown(60)
    assert len({span.span_id for span in sink.spans()}) == 8_000


class Receiver:
    """An OTLP/HTTP receiver that keeps what is posted and answers *status*."""

    def __init__(self, status=200):
        self.posts = posts = []

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                posts.append((self.path, self.headers["x-key"], body))
                self.send_response(status)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.endpoint = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self):
        Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()
