"""What other projects promise nobody, and we use all the same: if one of these fails, its user must be looked at.

The users are libs/messaging (FastStream, aiormq, pamqp), libs/service (redis-py, uvicorn) and libs/telemetry
(OpenTelemetry's exporters). docs/upstream has what would make each name unnecessary.
"""

import asyncio
import inspect
from typing import Any

import aio_pika
import pytest
from aio_pika import RobustConnection, connect_robust
from aio_pika.abc import UnderlayConnection
from aiormq.base import FutureStore
from aiormq.channel import Channel as AiormqChannel
from aiormq.connection import Connection as AiormqConnection
from aiormq.connection import TransportFactory
from aiormq.exceptions import AMQPConnectionError
from faststream.rabbit import Channel, RabbitBroker
from faststream.rabbit.subscriber.config import RabbitSubscriberConfig
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcSpanExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpSpanExporter
from pamqp import decode
from parkstream_messaging.batch_subscriber import BatchSubscriber, Delivery, batch_subscriber
from parkstream_messaging.connection import make_broker
from parkstream_messaging.reasons import give_reasons
from parkstream_messaging.tolerance import tolerate_properties
from parkstream_messaging.topology import ENTRIES, EVENTS
from redis.asyncio.connection import AbstractConnection, Connection
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle


@pytest.fixture
def subscriber() -> BatchSubscriber:
    broker = make_broker("amqp://guest:guest@localhost:1/")
    made = batch_subscriber(broker, ENTRIES, EVENTS, channel=Channel(prefetch_count=10))

    @made
    async def handler(deliveries: list[Delivery]) -> None:
        """Take nothing."""

    assert made in broker.subscribers
    return made


def test_a_subscriber_of_faststream_has_a_queue_and_a_consumer_once_it_is_started(subscriber):
    assert (subscriber._queue_obj, subscriber._consumer_tag) == (None, None)
    source = inspect.getsource(type(subscriber).__mro__[1].start)
    assert "self._consumer_tag = await self._queue_obj.consume(" in source


def test_a_subscriber_of_faststream_is_made_with_a_policy_and_the_settings_of_its_broker():
    assert {"_ack_policy", "_outer_config"} <= inspect.signature(RabbitSubscriberConfig).parameters.keys()


def test_a_broker_of_faststream_hands_its_options_to_aio_pika_which_takes_a_class():
    broker: Any = make_broker("amqp://guest:guest@localhost:1,localhost:2/")
    assert "connect_robust(**self._connection_kwargs)" in inspect.getsource(RabbitBroker._connect)
    assert issubclass(broker._connection_kwargs["connection_class"], RobustConnection)
    assert "connection_class" in inspect.signature(connect_robust).parameters


def test_a_connection_of_aio_pika_hands_its_options_to_aiormq_which_takes_a_transport():
    assert "**self.kwargs," in inspect.getsource(aio_pika.Connection.connect)
    assert "await cls.make_connection(" in inspect.getsource(UnderlayConnection.connect)
    assert "aiormq.connect(url, **kwargs)" in inspect.getsource(UnderlayConnection.make_connection)
    assert "transport_factory" in inspect.signature(AiormqConnection.__init__).parameters
    assert list(inspect.signature(TransportFactory.create).parameters) == ["self", "url", "kwargs"]


def test_a_batch_goes_through_faststream_as_one_message(subscriber):
    assert inspect.iscoroutinefunction(subscriber.process_message)
    assert list(inspect.signature(subscriber.process_message).parameters) == ["msg"]
    assert len(subscriber.calls) == 1


def test_a_channel_of_aiormq_calls_whoever_stands_under_the_tag_of_the_consumer():
    source = inspect.getsource(AiormqChannel)
    assert "self.consumers: dict[str, ConsumerCallback] = {}" in source
    assert "consumer = self.consumers.get(frame.consumer_tag)" in source


async def test_aiormq_hands_the_reason_of_a_closed_channel_to_who_waits_there():
    give_reasons()
    store = FutureStore(asyncio.get_running_loop())
    before = store.create_task(asyncio.sleep(3_600))
    await store.reject_all(None)
    for waiting in (before, store.create_task(asyncio.sleep(3_600))):
        with pytest.raises(AMQPConnectionError, match="closed"):
            await waiting


def test_pamqp_decodes_by_a_table_of_functions_that_can_be_changed():
    tolerate_properties()
    assert decode.by_type(b"\x02\xff\xff", "shortstr") == (3, "\ufffd\ufffd")
    assert decode.by_type(b"\xff" * 8, "timestamp") == (8, None)


async def test_redis_py_writes_what_is_packed_by_a_method_of_its_own():
    assert inspect.iscoroutinefunction(AbstractConnection._send_packed_command)
    assert list(inspect.signature(AbstractConnection._send_packed_command).parameters) == ["self", "command"]
    assert {"command", "check_health"} <= inspect.signature(AbstractConnection.send_packed_command).parameters.keys()
    assert (
        inspect.signature(AbstractConnection.pack_command).parameters["args"].kind is inspect.Parameter.VAR_POSITIONAL
    )
    connection: Any = Connection()
    assert (connection.is_connected, connection.socket_timeout) == (False, connection.socket_timeout)
    assert inspect.iscoroutinefunction(connection.check_health)


def test_the_exporter_over_grpc_sends_what_a_method_of_its_own_translates():
    assert list(inspect.signature(GrpcSpanExporter._translate_data).parameters) == ["self", "data"]
    assert "request=self._translate_data(data)" in inspect.getsource(GrpcSpanExporter._export)
    assert "return self._export(spans)" in inspect.getsource(GrpcSpanExporter.export)


def test_the_exporter_over_http_sends_bytes_by_a_client_of_its_own():
    assert "export_result = self._client.export(serialized_data)" in inspect.getsource(HttpSpanExporter.export)
    assert "self._client.shutdown()" in inspect.getsource(HttpSpanExporter.shutdown)


def test_uvicorn_reads_through_a_class_that_may_be_another():
    given = list(inspect.signature(HttpToolsProtocol).parameters)
    assert given == ["config", "server_state", "app_state", "_loop"]
    names = {"on_message_begin", "on_url", "on_header", "on_headers_complete", "on_message_complete"}
    names |= {"on_response_complete", "send_400_response", "resume_writing", "data_received"}
    assert names <= vars(HttpToolsProtocol).keys()
    source = inspect.getsource(HttpToolsProtocol) + inspect.getsource(RequestResponseCycle)
    for attribute in ("self.pipeline", "self.flow", "self.cycle", "self.url", "self.logger", "self.response_complete"):
        assert f"{attribute} = " in source or f"{attribute}: " in source
    assert asyncio.Protocol in HttpToolsProtocol.__mro__
