"""Spans of the SDK's, or of another provider that the environment names, instead of ours."""

from collections.abc import Callable
from importlib.metadata import entry_points
from typing import Final, TypeGuard

from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

from parkstream_telemetry import conformance
from parkstream_telemetry.metrics import UnlistedError

SDK: Final = "sdk_tracer_provider"
"""Under which the SDK's provider is registered."""


class UnknownProviderError(ValueError):
    """OTEL_PYTHON_TRACER_PROVIDER names nothing that is installed; what it is may be a secret in the wrong place."""

    def __init__(self) -> None:
        super().__init__(f"OTEL_PYTHON_TRACER_PROVIDER is no provider that is installed: use {SDK}, or leave it away")


def provider(resource: Resource, name: str) -> trace.TracerProvider:
    """Return the provider of *name*, the SDK's if it is empty; raise ``UnknownProviderError``."""
    if name in {"", SDK}:
        return TracerProvider(resource=resource, shutdown_on_exit=False)
    found = list(entry_points(group="opentelemetry_tracer_provider", name=name))
    if not found:
        raise UnknownProviderError
    made: trace.TracerProvider = found[0].load()()
    return made


def takes_processors(provider: trace.TracerProvider) -> TypeGuard[TracerProvider]:
    """Return whether the spans of *provider* can be brought to the receivers by us; another one brings its own."""
    return isinstance(provider, TracerProvider)


def is_off(provider: trace.TracerProvider) -> bool:
    """Return whether no span of *provider* is ever recorded."""
    return isinstance(provider, TracerProvider) and provider.sampler is ALWAYS_OFF


class Queued(SpanProcessor):
    """Hands each span that has ended to *put*; one that is not listed fails in *strict* mode."""

    def __init__(self, put: Callable[[ReadableSpan], None], *, strict: bool) -> None:
        self._put = put
        self._strict = strict

    def on_end(self, span: ReadableSpan) -> None:
        """Let *span* wait for its export."""
        if self._strict:
            problem = conformance.span_problem(span.name, span.kind.name, span.attributes or ())
            if problem is not None:
                raise UnlistedError(problem)
        self._put(span)
