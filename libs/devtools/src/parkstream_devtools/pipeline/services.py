"""The pipeline's servers and services: started in order, watched, and explained when they die."""

from pathlib import Path
from typing import Final

from parkstream_devtools.pipeline.callers import Credentials
from parkstream_devtools.pipeline.settings import Options, Say, Servers, of_entries, of_exits
from parkstream_devtools.pipeline.snapshots import Addresses
from parkstream_devtools.sandbox import Sandbox, ServiceProcess

READY_SECONDS: Final = 60.0


class DiedError(Exception):
    """A service ended by itself; the message has the last lines that it printed."""

    def __init__(self, service: ServiceProcess) -> None:
        printed = service.last_lines() or "(nothing)"
        super().__init__(f"{service.name} ended by itself with code {service.exit_code}; its last lines:\n{printed}")


class Services:
    """The four services; the entry cameras begin when all others are ready."""

    def __init__(
        self, sandbox: Sandbox, environ: dict[str, str], options: Options, summary_file: Path, credentials: Credentials
    ) -> None:
        common = environ | credentials.of_all
        to_file = common | {"PARKSTREAM_SUMMARY_FILE": str(summary_file)}
        self._summaries = sandbox.service("parkstream_summary_api", to_file, "summary-api")
        to_api = common | credentials.of_backend | {"PARKSTREAM_SUMMARY_URL": self._summaries.url}
        self._backend = sandbox.service("parkstream_backend", to_api, "backend")
        self._exits = sandbox.service("parkstream_exit_generator", common | of_exits(options), "exit-generator")
        for service in [self._summaries, self._backend, self._exits]:
            service.wait_ready(READY_SECONDS)
        self._entries = sandbox.service("parkstream_entry_generator", common | of_entries(options), "entry-generator")
        self._entries.wait_ready(READY_SECONDS)

    @property
    def addresses(self) -> Addresses:
        """Where they answer."""
        return Addresses(
            entries=self._entries.url,
            exits=self._exits.url,
            backend=self._backend.url,
            summaries=self._summaries.url,
        )

    def check(self) -> None:
        """Raise ``DiedError`` when one of them ended."""
        for service in self._all:
            if not service.alive:
                raise DiedError(service)

    def stop(self) -> None:
        """Stop them in the order of an event's way; each sends what it still has."""
        for service in self._all:
            service.terminate()

    @property
    def _all(self) -> list[ServiceProcess]:
        return [self._entries, self._exits, self._backend, self._summaries]


def start_servers(sandbox: Sandbox, say: Say) -> Servers:
    """Start private servers and return where they are."""
    say("starting a private RabbitMQ and a private Redis")
    rabbitmq = sandbox.rabbitmq(wait=False)
    redis = sandbox.redis()
    rabbitmq.wait_ready()
    return Servers(rabbitmq_url=rabbitmq.url, redis_url=redis.url)
