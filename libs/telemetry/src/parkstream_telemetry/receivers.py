"""Which receiver of telemetry the environment names, by OpenTelemetry's own variables."""

import os
from typing import Literal

from msgspec import Struct

from parkstream_telemetry.export_queue import Limits

Signal = Literal["traces", "metrics", "logs"]
Protocol = Literal["grpc", "http/protobuf"]

METRICS_SECONDS = 10.0
_PROTOCOLS: dict[str, Protocol] = {"grpc": "grpc", "http/protobuf": "http/protobuf", "": "grpc"}


class UnknownProtocolError(ValueError):
    """*variable* names a protocol that is not supported; what it is may be a secret in the wrong place."""

    def __init__(self, variable: str) -> None:
        super().__init__(f"{variable} is none of the protocols that there are: use grpc or http/protobuf")


class Receivers(Struct, frozen=True):
    """The protocol per signal that is to be exported; none means that nothing leaves the process."""

    protocols: dict[Signal, Protocol]
    spans: Limits
    logs: Limits
    metrics_seconds: float


def receivers() -> Receivers:
    """Return what the environment asks for: nothing, unless an endpoint or an exporter is named."""
    signals: tuple[Signal, ...] = ("traces", "metrics", "logs")
    return Receivers(
        {signal: _protocol(signal) for signal in signals if _wanted(signal)},
        Limits(
            int(_number("OTEL_BSP_MAX_QUEUE_SIZE", 8_192)),
            int(_number("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", 2_048)),
            _number("OTEL_BSP_SCHEDULE_DELAY", 200) / 1_000,
        ),
        Limits(
            int(_number("OTEL_BLRP_MAX_QUEUE_SIZE", 2_048)),
            int(_number("OTEL_BLRP_MAX_EXPORT_BATCH_SIZE", 512)),
            _number("OTEL_BLRP_SCHEDULE_DELAY", 1_000) / 1_000,
        ),
        _number("OTEL_METRIC_EXPORT_INTERVAL", METRICS_SECONDS * 1_000) / 1_000,
    )


def _wanted(signal: Signal) -> bool:
    if _read("OTEL_SDK_DISABLED").lower() == "true":
        return False
    exporters = [name.strip() for name in _read(f"OTEL_{signal.upper()}_EXPORTER").split(",") if name.strip()]
    if exporters:
        return "otlp" in exporters
    return bool(_read("OTEL_EXPORTER_OTLP_ENDPOINT") or _read(f"OTEL_EXPORTER_OTLP_{signal.upper()}_ENDPOINT"))


def _protocol(signal: Signal) -> Protocol:
    own, of_all = f"OTEL_EXPORTER_OTLP_{signal.upper()}_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"
    name = _read(own) or _read(of_all)
    if name not in _PROTOCOLS:
        raise UnknownProtocolError(own if _read(own) else of_all)
    return _PROTOCOLS[name]


def _number(variable: str, default: float) -> float:
    """Return a positive number; what is none of those is as good as absent, as OpenTelemetry specifies."""
    try:
        value = float(_read(variable) or default)
    except ValueError:
        return default
    return value if value > 0 else default


def _read(variable: str) -> str:
    return os.environ.get(variable, "").strip()
