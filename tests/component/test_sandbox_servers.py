"""Private servers: side by side, restarted with what they had, and services beside them."""

import signal

import aio_pika
import pytest
import redis
from marked_processes import eventually
from parkstream_devtools import StartError

SERVICE = """
import http.server, os, signal, sys

class Health(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/health/ready" else 404)
        self.end_headers()

signal.signal(signal.SIGTERM, lambda *_: sys.exit(int(os.environ["CODE"])))
print("hello from", os.environ["PARKSTREAM_PORT"])
http.server.HTTPServer(("127.0.0.1", int(os.environ["PARKSTREAM_PORT"])), Health).serve_forever()
"""


@pytest.fixture
def service(tmp_path, run_service):
    (tmp_path / "a_service.py").write_text(SERVICE)
    (tmp_path / "a_failure.py").write_text("import sys; print('no luck'); sys.exit(3)")

    def run(module="a_service", **environ):
        return run_service(module, {"PYTHONPATH": str(tmp_path), "CODE": "0", **environ})

    return run


async def test_two_rabbitmq_servers_run_side_by_side(servers, rabbitmq_server):
    for server in (servers.rabbitmq, rabbitmq_server):
        async with await aio_pika.connect(server.url) as connection:
            channel = await connection.channel()
            await channel.declare_queue("only-here", durable=True)
    queues = [server.management.request("GET", "/queues/%2F") for server in (servers.rabbitmq, rabbitmq_server)]
    assert all(b"only-here" in found for found in queues)
    assert servers.rabbitmq.port != rabbitmq_server.port


def names_on_disk(server):
    return b"".join(path.read_bytes() for path in server.folder.rglob("names.dets"))


async def test_a_killed_rabbitmq_comes_back_with_its_durable_queues(rabbitmq_server):
    quorum = {"x-queue-type": "quorum"}
    async with await aio_pika.connect(rabbitmq_server.url) as connection:
        channel = await connection.channel()
        await channel.declare_queue("kept", durable=True, arguments=quorum)
        message = aio_pika.Message(b"hello", delivery_mode=aio_pika.DeliveryMode.PERSISTENT)
        await channel.default_exchange.publish(message, "kept")
    # Killed within a second of its declaration, a quorum queue never finds a leader again (rabbitmq-server #15725).
    assert eventually(lambda: b"kept" in names_on_disk(rabbitmq_server))
    rabbitmq_server.kill()
    assert not rabbitmq_server.alive
    rabbitmq_server.start()
    async with await aio_pika.connect(rabbitmq_server.url) as connection:
        queue = await (await connection.channel()).get_queue("kept", ensure=False)
        async with queue.iterator(timeout=120) as messages:
            assert (await anext(messages)).body == b"hello"


async def test_an_operator_closes_every_connection(rabbitmq_server):
    connection = await aio_pika.connect(rabbitmq_server.url)
    with pytest.raises(aio_pika.exceptions.AMQPError):
        await use_for_as_long_as_it_is_open(connection, rabbitmq_server)


async def use_for_as_long_as_it_is_open(connection, server):
    while True:  # RabbitMQ lists a connection a moment after it was opened.
        server.close_connections()
        await (await connection.channel()).declare_queue("too-late")


async def test_every_test_has_a_vhost_of_its_own(rabbitmq_url, servers):
    async with await aio_pika.connect(rabbitmq_url) as connection:
        await (await connection.channel()).declare_queue("mine", durable=True)
    async with await aio_pika.connect(servers.rabbitmq.url) as connection:
        channel = await connection.channel()
        with pytest.raises(aio_pika.exceptions.ChannelNotFoundEntity):
            await channel.declare_queue("mine", passive=True)


def test_a_killed_redis_comes_back_with_what_it_acknowledged(redis_server):
    with redis.Redis.from_url(redis_server.url) as client:
        client.set("said", "yes")
    redis_server.kill()
    assert not redis_server.alive
    redis_server.start()
    with redis.Redis.from_url(redis_server.url) as client:
        assert client.get("said") == b"yes"


def test_redis_takes_directives_and_writes_every_command_to_disk(sandbox):
    server = sandbox.redis(maxmemory="8mb")
    with redis.Redis.from_url(server.url) as client:
        assert client.config_get("maxmemory", "maxmemory-policy", "appendonly", "appendfsync") == {
            "maxmemory": "8388608",
            "maxmemory-policy": "noeviction",
            "appendonly": "yes",
            "appendfsync": "always",
        }
    server.stop()
    assert not server.alive


def test_a_service_is_ready_when_it_says_so_and_ends_when_asked(service):
    process = service(CODE="7")
    assert process.alive
    assert process.terminate() == 7
    assert f"hello from {process.port}" in process.last_lines()


def test_a_killed_service_is_gone_at_once_and_comes_back_on_its_port(service):
    process = service()
    before = process.url
    process.kill()
    assert process.exit_code == -signal.SIGKILL
    process.restart()
    process.wait_ready()
    assert process.url == before


def test_a_service_that_ends_by_itself_says_what_it_wrote(service):
    with pytest.raises(StartError, match=r"code 3; it wrote:\nno luck"):
        service("a_failure")


def test_a_service_sees_no_variable_of_ours_that_it_was_not_given(service, monkeypatch):
    monkeypatch.setenv("CODE", "1")
    monkeypatch.setenv("PARKSTREAM_PORT", "1")
    process = service(CODE="9")
    assert eventually(lambda: process.alive)
    assert process.port != 1
