"""The pipeline's servers and services: started in order, watched, and explained when they die."""

import secrets
from collections.abc import Mapping, Sequence
from typing import Final

from msgspec import Struct

from parkstream_devtools.pipeline.settings import Say, Servers
from parkstream_devtools.pipeline.snapshots import Addresses
from parkstream_devtools.sandbox import Sandbox, ServiceProcess
from parkstream_devtools.servers.process import Started, free_port, is_free

READY_SECONDS: Final = 120.0


class Service(Struct, frozen=True):
    """One of our services: its usual port, and the variable that says where it is."""

    name: str
    module: str
    port: int
    variable: str


SUMMARY_API: Final = Service("summary-api", "parkstream_summary_api", 8000, "PARKSTREAM_SUMMARY_URL")
BACKEND: Final = Service("backend", "parkstream_backend", 8001, "PARKSTREAM_BACKEND_URL")
EXITS: Final = Service("exit-generator", "parkstream_exit_generator", 8003, "PARKSTREAM_EXIT_GENERATOR_URL")
ENTRIES: Final = Service("entry-generator", "parkstream_entry_generator", 8002, "PARKSTREAM_ENTRY_GENERATOR_URL")
CONSOLE: Final = Service("console", "parkstream_console", 8004, "PARKSTREAM_CONSOLE_URL")
SERVICES: Final = (SUMMARY_API, BACKEND, CONSOLE, EXITS, ENTRIES)
"""In the order in which they start; cars enter when all others are ready."""
CAMERAS: Final = (EXITS, ENTRIES)


class DiedError(Exception):
    """A server or service ended by itself; the message has the last lines that it printed."""

    def __init__(self, service: Started) -> None:
        printed = service.last_lines() or "(nothing)"
        super().__init__(f"{service.name} ended by itself with code {service.exit_code}; its last lines:\n{printed}")


def ports(services: Sequence[Service], *, usual: bool) -> dict[Service, int]:
    """Return where *services* shall listen: on their *usual* ports, where nobody else does, or on free ones."""
    return {one: one.port if usual and is_free(one.port) else free_port() for one in services}


def urls(at: Mapping[Service, int]) -> dict[str, str]:
    """Return what the services and commands are given to find those *at* these ports."""
    return {service.variable: f"http://127.0.0.1:{port}" for service, port in at.items()}


class Services:
    """All services, *at* their ports; all are given *shared*, and each what is its *own*."""

    def __init__(
        self,
        sandbox: Sandbox,
        at: Mapping[Service, int],
        shared: Mapping[str, str],
        own: Mapping[Service, Mapping[str, str]],
    ) -> None:
        self._sandbox = sandbox
        self._environs = {
            service: {**shared, **own.get(service, {}), "PARKSTREAM_PORT": str(port)} for service, port in at.items()
        }
        self._running: dict[Service, ServiceProcess] = {}
        self._stopped: list[Started] = []
        *first, last = SERVICES
        self._start(*first)
        self._start(last)

    @property
    def urls(self) -> dict[str, str]:
        """Where each answers, by its name."""
        return {service.name: process.url for service, process in self._running.items()}

    @property
    def addresses(self) -> Addresses:
        """Where those answer that have an account."""
        return Addresses(
            entries=self._running[ENTRIES].url,
            exits=self._running[EXITS].url,
            console=self._running[CONSOLE].url,
            summaries=self._running[SUMMARY_API].url,
        )

    def check(self) -> None:
        """Raise ``DiedError`` when one of them, or a server, ended by itself."""
        for started in self._sandbox.started:
            if not started.alive and started not in self._stopped:
                raise DiedError(started)

    def stop(self) -> None:
        """Stop them in the order of an event's way; each sends what it still has."""
        for service in reversed(SERVICES):
            process = self._running[service]
            if process not in self._stopped:
                process.terminate()
                self._stopped.append(process)

    def restart_without_cameras(self) -> None:
        """Start again, after ``stop``, all that answer questions."""
        questioned = [process for service, process in self._running.items() if service not in CAMERAS]
        for process in questioned:
            process.restart()
            self._stopped.remove(process)
        for process in questioned:
            process.wait_ready(READY_SECONDS)

    def _start(self, *services: Service) -> None:
        """Start *services* and wait until they are ready."""
        for service in services:
            self._running[service] = self._sandbox.service(service.module, self._environs[service], service.name)
        for service in services:
            self._running[service].wait_ready(READY_SECONDS)


def start_servers(sandbox: Sandbox, say: Say) -> Servers:
    """Start private servers, whose passwords are new each time, and return where they are."""
    say("starting a private RabbitMQ and a private Redis")
    rabbitmq = sandbox.rabbitmq(wait=False, password=secrets.token_hex())
    redis = sandbox.redis(password=secrets.token_hex())
    rabbitmq.wait_ready()
    return Servers(rabbitmq_url=rabbitmq.url, redis_url=redis.url, redis_dir=str(redis.folder))
