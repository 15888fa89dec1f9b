"""A traced pipeline, a camera that knows the traces it begins, and what the services really sent."""

import asyncio
import json
import secrets
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import datetime
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

import aio_pika
from backend_sightings import entry, exit_, publish_entry, publish_exit
from parkstream_devtools import RabbitServer, RedisServer, Sandbox, ServiceProcess
from parkstream_devtools.otlp.sink import Sink
from parkstream_events import topology
from parkstream_messaging.connection import make_broker
from parkstream_messaging.topology import declare
from parkstream_telemetry.received_span import ReceivedSpan
from pipeline import Pipeline, RunService

PROCESS_ENTRY = "process parking.events:vehicle.entered:parking.entries"
PROCESS_EXIT = "process parking.events:vehicle.exited:parking.exits"
POLL_SECONDS = 0.05
_numbers = count(1)


def exporting_to(endpoint: str) -> dict[str, str]:
    """Return an environment that sends telemetry to *endpoint* without delay."""
    return {
        "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
        "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
        "OTEL_BSP_SCHEDULE_DELAY": "50",
        "OTEL_BLRP_SCHEDULE_DELAY": "50",
        "OTEL_METRIC_EXPORT_INTERVAL": "500",
        "PARKSTREAM_STATISTICS_SECONDS": "1",
    }


class Traced(NamedTuple):
    """A pipeline and the receiver of all that it tells."""

    pipeline: Pipeline
    sink: Sink
    run: RunService
    outputs: list[Path]

    def spans(self, trace_id: str = "") -> "Spans":
        """Return what came so far, of one trace or of all."""
        return Spans([span for span in self.sink.spans() if trace_id in {"", span.trace_id}])

    async def trace(self, traceparent: str, last: str = "write", times: int = 1) -> "Spans":
        """Return the trace that *traceparent* began, when its spans *last* have come, and all that they hang under."""
        trace_id, first = traceparent[3:35], traceparent[36:52]

        def has_come() -> bool:
            spans = self.spans(trace_id)
            return len(spans.named(last)) >= times and all(one.parent_span_id == first for one in spans.orphans())

        await until(has_come, lambda: repr(self.spans(trace_id)))
        return self.spans(trace_id)


class Spans:
    """Some spans, and how they hang together."""

    def __init__(self, spans: list[ReceivedSpan]) -> None:
        self.all = spans
        self._by_id = {span.span_id: span for span in spans}

    def __repr__(self) -> str:
        return repr([(span.name, span.span_id, span.parent_span_id) for span in self.all])

    def named(self, name: str) -> list[ReceivedSpan]:
        """Return the spans called *name*."""
        return [span for span in self.all if span.name == name]

    def one(self, name: str) -> ReceivedSpan:
        """Return the only span called *name*."""
        (span,) = self.named(name)
        return span

    def parent(self, span: ReceivedSpan) -> ReceivedSpan | None:
        """Return the parent of *span*, if it came."""
        found = self._by_id.get(span.parent_span_id)
        assert found is None or found.trace_id == span.trace_id
        return found

    def way_to(self, span: ReceivedSpan) -> list[str]:
        """Return the names from the first ancestor that came to *span*."""
        way: list[str] = []
        at: ReceivedSpan | None = span
        while at is not None:
            way.insert(0, at.name)
            at = self.parent(at)
        return way

    def orphans(self) -> list[ReceivedSpan]:
        """Return the spans whose parent did not come."""
        return [span for span in self.all if span.parent_span_id and span.parent_span_id not in self._by_id]


class Camera:
    """Publishes sightings to RabbitMQ at *url*, each with a trace context of its own, which it returns."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._connection: aio_pika.abc.AbstractConnection | None = None
        self.events: aio_pika.abc.AbstractExchange | None = None

    async def __aenter__(self) -> Self:
        broker = make_broker(self._url)
        await broker.connect()
        await declare(broker)  # As every publisher does.
        await broker.stop()
        self._connection = await aio_pika.connect(self._url)
        channel = await self._connection.channel(on_return_raises=True)
        self.events = await channel.get_exchange(topology.EVENTS_EXCHANGE)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._connection is not None
        await self._connection.close()

    async def enters(self, plate: str, at: datetime, traceparent: str = "", gate: str | None = None) -> str:
        """Publish that a car entered."""
        assert self.events is not None
        traceparent = traceparent or new_traceparent()
        headers = {topology.TRACEPARENT_HEADER: traceparent}
        await publish_entry(
            self.events,
            entry(id_of("in", plate), plate, at, **({"gate": gate} if gate else {})),
            headers=headers,
            message_id=id_of("in", plate),
        )
        return traceparent

    async def leaves(self, plate: str, at: datetime, traceparent: str = "") -> str:
        """Publish that a car left."""
        assert self.events is not None
        traceparent = traceparent or new_traceparent()
        headers = {topology.TRACEPARENT_HEADER: traceparent}
        id_ = id_of("out", plate)
        await publish_exit(self.events, exit_(id_, plate, at), headers=headers, message_id=id_)
        return traceparent


@contextmanager
def traced_pipeline(
    sandbox: Sandbox, redis: RedisServer, rabbitmq: RabbitServer, folder: Path, sink: Sink | None = None
) -> Iterator[Traced]:
    """Make a pipeline whose telemetry goes to a sink; nothing of it is started yet."""
    name = f"traces-{next(_numbers)}"
    outputs: list[Path] = []
    with ExitStack() as ending:
        url = rabbitmq.add_vhost(name)
        ending.callback(rabbitmq.delete_vhost, name)
        sink = sink or ending.enter_context(Sink())

        def run(module: str, environ: Mapping[str, str], *, ready: bool = True, **_: Any) -> ServiceProcess:
            process = sandbox.service(module, environ)
            outputs.append(process.output)
            ending.callback(lambda: process.alive and process.kill())
            if ready:
                process.wait_ready()
            return process

        pipeline = Pipeline(run, redis.url, url, f"{name}-{secrets.token_hex(3)}", folder)
        pipeline.environ |= exporting_to(sink.endpoint)
        yield Traced(pipeline, sink, run, outputs)


def id_of(way: str, plate: str) -> str:
    """Return the id of the sighting of *plate* on its way "in" or "out": the plate cannot be read in it."""
    return f"{way}-{plate.encode().hex('.')}"


def new_traceparent() -> str:
    """Return the context of a span that somebody else keeps."""
    return f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01"


async def until(condition: Callable[[], bool], said: Callable[[], str] = str, timeout_seconds: float = 240) -> None:
    """Return when *condition* holds."""
    deadline = time.monotonic() + timeout_seconds
    while not await asyncio.to_thread(condition):
        assert time.monotonic() < deadline, said()
        await asyncio.sleep(POLL_SECONDS)


def read(url: str) -> str:
    """Return what is at *url*."""
    with urllib.request.urlopen(url, timeout=60) as answer:
        content: bytes = answer.read()
        return content.decode()


def post(url: str, body: bytes) -> dict[str, Any]:
    """Post *body*, JSON, to *url* and return the answer."""
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        content: dict[str, Any] = json.load(answer)
        return content
