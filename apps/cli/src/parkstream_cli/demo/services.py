"""The demo's servers and services: started in order, watched, and explained when they die."""

from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Final

from parkstream_sandbox import Sandbox, ServiceProcess

from parkstream_cli.demo import plan
from parkstream_cli.demo.plan import Options, Servers
from parkstream_cli.demo.watching import Addresses

LAST_LINES: Final = 15
READY_SECONDS: Final = 60.0


class DiedError(Exception):
    """A process of the demo ended by itself; the message has the last lines that it said."""

    def __init__(self, name: str, output: Path) -> None:
        super().__init__(f"{name} ended by itself. The last that it said:\n{last_lines(output)}")


class Services:
    """The four services, running."""

    def __init__(self, sandbox: Sandbox, servers: Servers, options: Options, summary_file: Path) -> None:
        common = plan.of_all(servers)
        cameras = common | plan.of_cameras(options)
        summaries = sandbox.service("parkstream_summary_api", common | {"PARKSTREAM_SUMMARY_FILE": str(summary_file)})
        backend = sandbox.service("parkstream_backend", common | {"PARKSTREAM_SUMMARY_URL": summaries.url})
        exits = sandbox.service("parkstream_exit_generator", cameras)
        self._running: dict[str, ServiceProcess] = {"summary-api": summaries, "backend": backend, "exits": exits}
        self._wait()
        self._running["entries"] = sandbox.service("parkstream_entry_generator", cameras)
        self._wait()

    @property
    def addresses(self) -> Addresses:
        """Where they answer."""
        return Addresses(
            entries=self._running["entries"].url,
            exits=self._running["exits"].url,
            backend=self._running["backend"].url,
            summaries=self._running["summary-api"].url,
        )

    def check(self) -> None:
        """Raise ``DiedError`` when one of them ended."""
        for name, service in self._running.items():
            if not service.alive:
                raise DiedError(name, service.output)

    def _wait(self) -> None:
        for name, service in self._running.items():
            try:
                service.wait_ready(READY_SECONDS)
            except TimeoutError:
                raise DiedError(name, service.output) from None


def start_servers(sandbox: Sandbox, say: Callable[[str], None]) -> Servers:
    """Start private servers and return where they are."""
    say("starting a private Redis and a private RabbitMQ")
    redis = sandbox.redis()
    rabbitmq = sandbox.rabbitmq()
    return Servers(rabbitmq_url=rabbitmq.url, redis_url=redis.url)


def last_lines(output: Path) -> str:
    """Return the end of what a process said."""
    if not output.is_file():
        return "(nothing)"
    with output.open(encoding="utf-8", errors="replace") as file:
        return "".join(deque(file, LAST_LINES)).rstrip() or "(nothing)"
