"""Real servers for tests: a shared pair for most, private ones for those that hurt them."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from itertools import count, groupby
from typing import NamedTuple

import pytest
from hypothesis import settings
from parkstream_devtools import RabbitServer, RedisServer, Sandbox, ServiceProcess, missing
from parkstream_devtools import free_port as a_free_port
from patience import be_patient

STRICT = {"PARKSTREAM_TELEMETRY_STRICT": "true"}
"""Whoever emits a name that is not listed fails, here and in the services."""
os.environ.update(STRICT)
be_patient()
settings.register_profile("parkstream", deadline=None)  # No test asserts a time.
settings.load_profile("parkstream")

_numbers = count(1)


class Servers(NamedTuple):
    redis: RedisServer
    rabbitmq: RabbitServer


def pytest_configure() -> None:
    """End with nox, however nox ends: the sandbox's guardian does the rest.

    Whoever starts the tests in the background may ignore what tests send; what they start would inherit that.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    if "NOX_CURRENT_SESSION" in os.environ:
        threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let processes side by side both wait and compute: their files take turns, and quick ones come last."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        files = {path: [*tests] for path, tests in groupby(items, lambda item: item.path)}
        waiting = [path for path in files if path.parent.name == "faults"]
        quick = [path for path in files if path.parent.name == "unit"]
        computing = [path for path in files if path not in {*waiting, *quick}]
        place = {path: at / len(some) for some in (waiting, computing) for at, path in enumerate(some)}
        items[:] = [test for path in [*sorted(place, key=place.__getitem__), *quick] for test in files[path]]


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.5)
    os.kill(os.getpid(), signal.SIGKILL)


def _present() -> None:
    if absent := missing():
        say = pytest.fail if os.environ.get("CI") else pytest.skip
        say(f"{' and '.join(absent)} missing: ./dev test installs what is missing")


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    """One folder for all that a test session starts."""
    _present()
    with Sandbox() as box:
        yield box


@pytest.fixture(scope="session")
def shared_redis(sandbox) -> RedisServer:
    """The Redis that tests share, for those that need no RabbitMQ."""
    return sandbox.redis()


@pytest.fixture(scope="session")
def servers(sandbox, shared_redis) -> Servers:
    """The Redis and the RabbitMQ that tests share; no test may hurt them."""
    return Servers(shared_redis, sandbox.rabbitmq())


@pytest.fixture
def mall() -> str:
    """A mall of the test's own: no other test touches its keys."""
    return f"mall-{os.getpid()}-{next(_numbers)}"


@pytest.fixture
def redis_url(shared_redis) -> str:
    """Address of the shared Redis; keep to the keys of ``mall``."""
    return shared_redis.url


@pytest.fixture
def service_ending() -> Iterator[ExitStack]:
    """The ends of the services of a test: they come before the end of what these use."""
    with ExitStack() as services:
        yield services


@pytest.fixture
def rabbitmq_url(servers, service_ending) -> Iterator[str]:
    """Address of a vhost of the test's own."""
    name = f"test-{next(_numbers)}"
    yield servers.rabbitmq.add_vhost(name)
    service_ending.close()  # Queues that are declared while they are deleted end RabbitMQ's dead-letter workers.
    servers.rabbitmq.delete_vhost(name)


@pytest.fixture
def redis_server(sandbox) -> Iterator[RedisServer]:
    """A private Redis that the test may hurt."""
    server = sandbox.redis()
    yield server
    server.kill()


@pytest.fixture(scope="module")
def rabbitmq_server(sandbox) -> Iterator[RabbitServer]:
    """A private RabbitMQ that the tests of one module may hurt."""
    server = sandbox.rabbitmq()
    yield server
    server.kill()


@pytest.fixture
def run_service(sandbox, service_ending) -> Callable[..., ServiceProcess]:
    """Start one of our services and wait until it is ready, unless told otherwise; it ends with the test."""

    def run(module: str, environ: Mapping[str, str], *, port: int = 0, ready: bool = True) -> ServiceProcess:
        own = {"TMPDIR": str(sandbox.folder)}  # What one leaves there when it is killed goes with the sandbox.
        full = {**STRICT, **own, **environ, "PARKSTREAM_PORT": str(port or a_free_port())}
        process = sandbox.service(module, full)
        service_ending.callback(lambda: process.alive and process.kill())
        if ready:
            process.wait_ready()
        return process

    return run


@pytest.fixture
def free_port() -> Callable[[], int]:
    """Find a port that nobody listens on."""
    return a_free_port
