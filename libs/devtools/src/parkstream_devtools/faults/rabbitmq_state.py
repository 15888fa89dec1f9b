"""A RabbitMQ that takes nothing: alarms, and queues that are gone, full or closed to a user."""

import json
from typing import Any, ClassVar, Final
from urllib.parse import quote

from parkstream_devtools.faults.fault import Fault
from parkstream_devtools.servers.rabbitmq import RabbitServer

EVERYTHING: Final = {"configure": ".*", "write": ".*", "read": ".*"}


class _Alarm(Fault):
    """An alarm of *server*: it reads nothing from connections that publish, until the alarm is over."""

    _alarmed: ClassVar[tuple[str, ...]]
    _quiet: ClassVar[tuple[str, ...]]

    def __init__(self, server: RabbitServer) -> None:
        self._server = server

    def inject(self) -> None:
        """See ``Fault.inject``."""
        self._server.control(*self._alarmed)

    def heal(self) -> None:
        """See ``Fault.heal``."""
        self._server.control(*self._quiet)


class MemoryAlarm(_Alarm):
    """More memory is in use than the high-water mark allows (it is set to next to nothing)."""

    kind = "rabbitmq-memory-alarm"
    _alarmed = ("set_vm_memory_high_watermark", "absolute", "1MB")
    _quiet = ("set_vm_memory_high_watermark", "0.4")


class DiskAlarm(_Alarm):
    """Less disk is free than RabbitMQ wants (the limit is set beyond any disk)."""

    kind = "rabbitmq-disk-alarm"
    _alarmed = ("set_disk_free_limit", "1000000GB")
    _quiet = ("set_disk_free_limit", "64MB")


class _InVhost(Fault):
    """Something in *vhost* of *server*."""

    def __init__(self, server: RabbitServer, vhost: str, queue: str) -> None:
        self._server = server
        self._vhost = quote(vhost, safe="")
        self._queue = queue

    def _ask(self, method: str, path: str, body: object = None) -> bytes:
        return self._server.management.request(method, path, body)


class QueueDeleted(_InVhost):
    """*queue* is deleted with what is in it; healing declares it again, with its arguments and bindings."""

    kind = "rabbitmq-queue-deleted"

    def __init__(self, server: RabbitServer, vhost: str, queue: str) -> None:
        super().__init__(server, vhost, queue)
        self._path = f"/queues/{self._vhost}/{quote(queue, safe='')}"
        self._declaration: dict[str, Any] = {}
        self._bindings: list[dict[str, Any]] = []

    def inject(self) -> None:
        """See ``Fault.inject``."""
        found = json.loads(self._ask("GET", self._path))
        self._declaration = {name: found[name] for name in ("durable", "auto_delete", "arguments")}
        self._bindings = [one for one in json.loads(self._ask("GET", f"{self._path}/bindings")) if one["source"]]
        self._ask("DELETE", self._path)

    def heal(self) -> None:
        """See ``Fault.heal``; a queue that somebody has declared again meanwhile stays as it is."""
        self._ask("PUT", self._path, self._declaration)
        for one in self._bindings:
            where = f"/bindings/{self._vhost}/e/{quote(one['source'], safe='')}/q/{quote(self._queue, safe='')}"
            self._ask("POST", where, {"routing_key": one["routing_key"], "arguments": one["arguments"]})


class QueueFull(_InVhost):
    """*queue* takes no message: a policy sets its length to what is in it now, and has publishes rejected."""

    kind = "rabbitmq-queue-full"

    @property
    def _policy(self) -> str:
        return f"/policies/{self._vhost}/{quote(f'full-{self._queue}', safe='')}"

    def inject(self) -> None:
        """See ``Fault.inject``."""
        definition = {"max-length": 0, "overflow": "reject-publish"}
        pattern = f"^{self._queue.replace('.', '[.]')}$"
        policy = {"pattern": pattern, "definition": definition, "priority": 1_000, "apply-to": "queues"}
        self._ask("PUT", self._policy, policy)

    def heal(self) -> None:
        """See ``Fault.heal``."""
        self._ask("DELETE", self._policy)


class Refused(_InVhost):
    """The user guest may not write to what *queue* names (an exchange or a queue) any more."""

    kind = "rabbitmq-refused"

    def inject(self) -> None:
        """See ``Fault.inject``."""
        name = self._queue.replace(".", "[.]")
        self._ask("PUT", f"/permissions/{self._vhost}/guest", {**EVERYTHING, "write": f"^(?!{name}$).*"})

    def heal(self) -> None:
        """See ``Fault.heal``."""
        self._ask("PUT", f"/permissions/{self._vhost}/guest", EVERYTHING)


class ConnectionsClosed(Fault):
    """Every connection to *server* is closed by it, as an operator or a rolling upgrade does."""

    kind = "rabbitmq-connections-closed"

    def __init__(self, server: RabbitServer) -> None:
        self._server = server

    def inject(self) -> None:
        """See ``Fault.inject``."""
        self._server.close_connections()

    def heal(self) -> None:
        """Nothing is wrong any more once clients have connected again."""
