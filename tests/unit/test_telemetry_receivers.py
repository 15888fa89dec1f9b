"""Where telemetry goes, by OpenTelemetry's own variables."""

import os

import pytest
from parkstream_telemetry.export_queue import Limits
from parkstream_telemetry.receivers import UnknownProtocolError, receivers

ENDPOINT = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://localhost:4317"}


@pytest.fixture
def asked(monkeypatch):
    for name in [name for name in os.environ if name.startswith("OTEL_")]:
        monkeypatch.delenv(name)

    def ask(variables):
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        return receivers()

    return ask


@pytest.mark.parametrize(
    ("variables", "protocols"),
    [
        ({}, {}),
        (ENDPOINT, {"traces": "grpc", "metrics": "grpc", "logs": "grpc"}),
        ({**ENDPOINT, "OTEL_SDK_DISABLED": "true"}, {}),
        (
            {**ENDPOINT, "OTEL_SDK_DISABLED": "false", "OTEL_LOGS_EXPORTER": "none"},
            {"traces": "grpc", "metrics": "grpc"},
        ),
        ({**ENDPOINT, "OTEL_METRICS_EXPORTER": "prometheus", "OTEL_LOGS_EXPORTER": "none"}, {"traces": "grpc"}),
        ({"OTEL_TRACES_EXPORTER": "otlp"}, {"traces": "grpc"}),
        ({"OTEL_EXPORTER_OTLP_LOGS_ENDPOINT": "http://x"}, {"logs": "grpc"}),
        (
            {**ENDPOINT, "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf", "OTEL_EXPORTER_OTLP_LOGS_PROTOCOL": "grpc"},
            {"traces": "http/protobuf", "metrics": "http/protobuf", "logs": "grpc"},
        ),
    ],
)
def test_the_environment_says_what_is_exported_and_how(asked, variables, protocols):
    assert asked(variables).protocols == protocols


def test_a_protocol_that_nobody_speaks_is_an_error_that_says_what_to_do(asked):
    with pytest.raises(UnknownProtocolError, match="use grpc or http/protobuf"):
        asked({**ENDPOINT, "OTEL_EXPORTER_OTLP_PROTOCOL": "http/json"})


def test_queues_are_as_large_as_asked(asked):
    asked_for = {
        "OTEL_BSP_MAX_QUEUE_SIZE": "10",
        "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "5",
        "OTEL_BSP_SCHEDULE_DELAY": "250",
    }
    assert asked(asked_for).spans == Limits(10, 5, 0.25)


@pytest.mark.parametrize("value", ["", "many", "-1", "0"])
def test_a_number_that_is_none_is_as_good_as_absent(asked, value):
    assert asked({"OTEL_BSP_MAX_QUEUE_SIZE": value}).spans.queue_max == 8_192
