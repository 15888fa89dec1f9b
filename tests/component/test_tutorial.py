"""The code of docs/tutorial.md, run as it stands there on a real RabbitMQ and a real Redis."""

import re
import time
from pathlib import Path
from types import ModuleType

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from parkstream_messaging.connection import make_broker
from parkstream_service.redis import connect

PAGE = Path(__file__).parents[2] / "docs" / "tutorial.md"
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)
HOUR = 3_600_000_000
LENT, RETURNED = "book.lent.v1", "book.returned.v1"


def code():
    return "\n\n".join(BLOCK.findall(PAGE.read_text(encoding="utf-8")))


@pytest.fixture
def library():
    module = ModuleType("library")
    exec(compile(code(), PAGE.name, "exec"), module.__dict__)
    return module


@pytest.fixture
def spans():
    return InMemorySpanExporter()


@pytest.fixture
def run(library, spans, rabbitmq_url, redis_url, mall):
    async def run(happened, send):
        provider = TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(spans))
        redis, broker = connect(redis_url), make_broker(rabbitmq_url)
        try:
            return await library.run(broker, redis, mall, provider.get_tracer("library"), happened, send)
        finally:
            await redis.aclose()

    return run


async def test_the_tutorial_runs(library, run, spans):
    came = time.time_ns() // 1_000 - 48 * HOUR
    first, second, gone = (library.Movement(id_, at) for id_, at in (("a", came), ("b", came), ("a", came + 5 * HOUR)))
    sent = []
    replayed = await run([(RETURNED, gone), (LENT, first), (LENT, second), (LENT, first)], sent.append)
    assert sent == [{"book": "a", "away_us": 5 * HOUR}]
    assert (replayed.clock.lent, replayed.clock.returned) == (2, 1)
    assert set(replayed.entities) == {"a", "b"}
    delivered = next(span for span in spans.get_finished_spans() if span.name == "deliver")
    trace = [span for span in spans.get_finished_spans() if span.context.trace_id == delivered.context.trace_id]
    assert [span.name for span in trace] == ["publish", "record", "project", "deliver"]
    assert [span.parent and span.parent.span_id for span in trace[1:]] == [span.context.span_id for span in trace[:-1]]


def test_the_tutorial_names_nothing_of_parking():
    assert not re.search(r"parkstream_(events|visits|backend|cli)|plate|vehicle|mall", code())
