"""A list of nodes, of which some are dead, silent or gone: a connection comes to one that answers."""

import asyncio
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from parkstream_devtools.faults import Blackhole, Proxy, Weather
from parkstream_messaging.connection import make_broker
from parkstream_messaging.nodes import Nodes, connected
from parkstream_messaging.nodes_watch import NodesWatch
from parkstream_service.unreachable import UnreachableError


@pytest.fixture
def proxies(rabbitmq_url: str) -> Iterator[list[Proxy]]:
    """Three ways to the same RabbitMQ, which stand for three nodes of one cluster."""
    port = urlsplit(rabbitmq_url).port or 0
    with Proxy(port) as one, Proxy(port) as two, Proxy(port) as three:
        yield [one, two, three]


def listed(url: str, *ports: int) -> str:
    """Return *url* with a node at each of *ports*."""
    parts = urlsplit(url)
    hosts = ",".join(f"127.0.0.1:{port}" for port in ports)
    return url.replace(f"127.0.0.1:{parts.port}", hosts)


async def test_a_dead_node_is_passed_over(rabbitmq_url, proxies, free_port):
    url = listed(rabbitmq_url, free_port(), free_port(), proxies[0].port)
    for _ in range(5):  # Whichever comes first.
        async with await connected(url) as connection, connection.channel():
            pass


async def test_a_node_that_accepts_and_says_nothing_is_left_behind(rabbitmq_url, proxies):
    silent, other, _ = proxies
    with Blackhole(silent):
        nodes = Nodes(listed(rabbitmq_url, silent.port, other.port))
        for _ in range(4):
            async with await nodes.connect(5.0) as connection, connection.channel():
                assert nodes.current == f"127.0.0.1:{other.port}"


async def test_a_silent_node_that_is_listed_twice_is_left_behind_all_the_same(rabbitmq_url, proxies):
    silent, other, _ = proxies
    with Blackhole(silent):
        nodes = Nodes(listed(rabbitmq_url, silent.port, silent.port, other.port))
        assert [one.port for one in (await nodes.found()).nodes] == [silent.port, other.port]
        async with await nodes.connect(5.0) as connection, connection.channel():
            assert nodes.current == f"127.0.0.1:{other.port}"


async def test_a_new_attempt_goes_to_another_node_whatever_ended_the_last(rabbitmq_url, proxies):
    nodes, used = Nodes(listed(rabbitmq_url, *(proxy.port for proxy in proxies))), []
    for _ in range(6):
        await (await nodes.connect()).close()
        used.append(nodes.current)
    assert used[:3] == used[3:]
    assert {*used} == {f"127.0.0.1:{proxy.port}" for proxy in proxies}


async def test_a_broker_whose_node_dies_is_connected_to_another_and_says_so(rabbitmq_url, proxies):
    told: asyncio.Queue[str] = asyncio.Queue()
    url = listed(rabbitmq_url, *(proxy.port for proxy in proxies))
    broker = make_broker(url, on_connected=told.put_nowait)
    await broker.start()
    try:
        seen = [await told.get()]
        for _ in range(2):
            dead = next(proxy for proxy in proxies if seen[-1].endswith(f":{proxy.port}"))
            dead.change(Weather(refuses=True))
            dead.drop_connections()
            async with asyncio.timeout(240):
                seen.append(await told.get())
        assert {*seen} == {f"127.0.0.1:{proxy.port}" for proxy in proxies}
        assert await broker.ping(1)
    finally:
        await broker.stop()


async def test_a_node_that_is_away_is_named_and_one_alone_is_not_looked_at(rabbitmq_url, proxies, free_port):
    dead = free_port()
    watch = NodesWatch(Nodes(listed(rabbitmq_url, proxies[0].port, dead)))
    await watch.look()
    assert watch.away == {f"127.0.0.1:{dead}": "Connection refused"}
    assert f"1 of 2 nodes are away: 127.0.0.1:{dead}" in watch.notice
    with Proxy(proxies[0].port) as back:
        both = NodesWatch(Nodes(listed(rabbitmq_url, proxies[0].port, back.port)))
        await both.look()
        assert (both.away, both.notice) == ({}, "")
    alone = NodesWatch(Nodes(listed(rabbitmq_url, dead)))
    await alone.look()
    assert (alone.away, alone.notice) == ({}, "")


async def test_where_no_node_answers_each_is_named_without_the_password(free_port):
    one, two = free_port(), free_port()
    with pytest.raises(UnreachableError) as failed:
        await connected(f"amqp://me:s3cret@127.0.0.1:{one},localhost:{two},nowhere.invalid/v")
    said = str(failed.value)
    assert f"127.0.0.1:{one}: Connection refused" in said
    assert f"localhost:{two}" in said
    assert "s3cret" not in said


async def test_a_name_with_several_addresses_is_as_many_nodes(rabbitmq_url, proxies, monkeypatch):
    """As containers and Kubernetes have it: one name, an address per node, some of which are dead."""
    port = proxies[0].port
    loop, asked = asyncio.get_running_loop(), []
    ask = loop.getaddrinfo

    async def of_a_cluster(host, *rest, **options):
        if host != "rabbitmq.internal":
            return await ask(host, *rest, **options)
        asked.append(host)
        addresses = ("127.0.0.2", "127.0.0.1", "127.0.0.3")
        return [one for address in addresses for one in await ask(address, port, **options)]

    monkeypatch.setattr(loop, "getaddrinfo", of_a_cluster)
    nodes = Nodes(listed(rabbitmq_url, port).replace("127.0.0.1", "rabbitmq.internal"))
    assert len((await nodes.found()).nodes) == 3
    async with await nodes.connect() as connection, connection.channel():
        assert nodes.current == f"rabbitmq.internal:{port} (127.0.0.1)"
    assert asked
