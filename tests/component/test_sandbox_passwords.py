"""The servers of ``demo`` and ``up``: nobody else on the machine gets in, or can send more than they take."""

import aio_pika
import psutil
import redis
from aio_pika.exceptions import AMQPError
from parkstream_devtools import Sandbox
from parkstream_devtools.pipeline.services import start_servers
from the_tree import ROOT

HOLDERS = {"redis.conf", "definitions.json"}


def command_lines():
    return "\n".join(" ".join(process.info["cmdline"] or ()) for process in psutil.process_iter(["cmdline"]))


async def may(url, operation):
    """Whether the RabbitMQ at *url* lets whoever that names in, and takes *operation*."""
    try:
        async with await aio_pika.connect(url) as connection:
            await operation(await connection.channel())
    except AMQPError:
        return False
    return True


async def nothing(_):
    """Ask for nothing."""


def lets_in(url):
    with redis.Redis.from_url(url) as client:
        try:
            return client.ping()
        except redis.AuthenticationError:
            return False


def modes(folder):
    return {path.name: path.stat().st_mode & 0o777 for path in folder.glob("*/*") if path.name in HOLDERS}


async def test_nobody_else_gets_in_and_passwords_are_new_each_time_whatever_was_there(tmp_path):
    """In a folder of a version whose servers had none."""
    folder = tmp_path / "kept"
    with Sandbox(folder) as before:
        old = before.rabbitmq()
        redis.Redis.from_url(before.redis().url).set("kept", 1)
        async with await aio_pika.connect(old.url) as connection:
            await (await connection.channel()).declare_queue("kept", durable=True)
    earlier = ""
    for _ in range(2):
        with Sandbox(folder) as sandbox:
            servers = start_servers(sandbox, lambda _: None)
            rabbitmq, store = servers.rabbitmq_url, servers.redis_url
            assert await may(rabbitmq, lambda channel: channel.get_queue("kept"))
            assert redis.Redis.from_url(store).get("kept") == b"1"
            password = rabbitmq.removeprefix("amqp://guest:").partition("@")[0]
            of_store = store.removeprefix("redis://:").partition("@")[0]
            for wrong in filter(None, ("guest", "x", earlier, of_store)):
                assert not await may(rabbitmq.replace(password, wrong), nothing)
            for wrong in ("", ":x@", f":{password}@"):
                assert not lets_in(store.replace(f":{of_store}@", wrong))
            assert [secret for secret in (password, of_store) if secret in command_lines()] == []
            assert modes(folder) == {"redis.conf": 0o600, "definitions.json": 0o600}
            earlier = password


async def test_rabbitmq_takes_no_longer_messages_than_in_containers(rabbitmq_url):
    conf = (ROOT / "deploy" / "compose" / "rabbitmq" / "rabbitmq.conf").read_text()
    (most,) = [int(line.rpartition(" ")[2]) for line in conf.splitlines() if line.startswith("max_message_size")]

    def publish(size):
        async def published(channel):
            await channel.default_exchange.publish(aio_pika.Message(b"x" * size), "nowhere", mandatory=False)

        return published

    assert [await may(rabbitmq_url, publish(size)) for size in (most, most + 1)] == [True, False]
