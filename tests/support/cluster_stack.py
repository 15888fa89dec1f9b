"""The cluster from the product's own file: two malls, each asked by its own users."""

from pathlib import Path

import redis
from compose_stack import Stack
from msgspec import convert, to_builtins
from parkstream_devtools import free_port
from parkstream_devtools.overview import overview_of
from parkstream_devtools.pipeline.account import Line
from parkstream_devtools.pipeline.snapshots import State
from parkstream_events import topology

MALLS = ("north", "south")
CLUSTER_UP = "docker compose -f deploy/compose/compose.cluster.yaml up --wait"
REDIS = {f"redis-{number}": f"10.213.57.2{number}" for number in (1, 2, 3)}
QUEUES = (*topology.WORK_QUEUES, topology.SEEN_ENTERING_QUEUE, topology.DEAD_LETTERS_QUEUE, topology.MARK_QUEUE)
RABBITMQ = ("rabbitmq-1", "rabbitmq-2", "rabbitmq-3")


class ClusterStack(Stack):
    """Two malls on servers that they share; what is asked of a mall is asked of *mall*."""

    secrets_command = f"./dev secrets --malls {' '.join(MALLS)}"
    up_command = CLUSTER_UP
    mall = MALLS[0]

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, ("compose.cluster.yaml",))
        self.project += "-cluster"
        self.environ |= {f"PARKSTREAM_{mall.upper()}_SUMMARY_API_PORT": str(free_port()) for mall in MALLS}
        self.environ |= {"PARKSTREAM_RATE": "20", "PARKSTREAM_HOLD_MAX_SECONDS": "5"}

    @property
    def prefix(self) -> str:  # type: ignore[override]
        """Return what the mall's services are called by."""
        return f"{self.mall}-"

    def secret(self, name: str) -> str:
        """Return the mall's secret called *name*."""
        return super().secret(f"{self.mall}/{name}")

    def of(self, mall: str) -> "ClusterStack":
        """Return itself, asking *mall* from here on."""
        self.mall = mall
        return self

    def primary(self) -> str:
        """Return which Redis server is the primary; raise ``OSError`` while none is."""
        for name, address in REDIS.items():
            try:
                with redis.Redis.from_url(self._redis_url(address), socket_timeout=20) as client:
                    if client.info("replication")["role"] == "master":  # type: ignore[index]
                        return name
            except redis.RedisError:
                continue
        message = "no Redis is the primary"
        raise OSError(message)

    def state(self) -> State:
        """Return where the mall's log, visits and outbox stand."""
        seen = overview_of(self._redis_url(REDIS[self.primary()]), self.mall)
        return convert(to_builtins(seen), State)

    def _redis_url(self, address: str) -> str:
        return f"redis://{self.mall}.cli:{self.secret('redis_password_cli')}@{address}:6379"

    def lonely_queues(self) -> list[str]:
        """Return the queues that are not there, or have fewer members than there are nodes."""
        ask = "rabbitmqctl -q list_queues name members --no-table-headers -p"
        lonely: list[str] = []
        for mall in MALLS:
            lines = self.compose("exec", "-T", RABBITMQ[0], *ask.split(), mall).splitlines()
            members = {name: rest.count("rabbit@") for name, _, rest in (line.partition("\t") for line in lines)}
            lonely += [f"{mall}: {queue}" for queue in QUEUES if members.get(queue, 0) < len(RABBITMQ)]
        return lonely

    def published(self) -> dict[str, int]:
        """Return how many cars each mall has let in."""
        return {mall: self.of(mall).entries().published for mall in MALLS}

    def come(self, cars: int) -> None:
        """Return when so many more have come into each mall, and their records have come so far."""
        wanted = {mall: count + cars for mall, count in self.published().items()}
        self.until(
            lambda: all(self.of(mall).state().counters.get("entered", 0) >= wanted[mall] for mall in MALLS),
            lambda: f"{wanted} have not come: {self.published()}",
        )

    def all_wrong(self) -> dict[str, list[Line]]:
        """Let no more cars come, and return the equations that do not hold when nothing is under way, by mall."""
        for mall in MALLS:
            self.of(mall).stop_entries()
        return {mall: wrong for mall in MALLS if (wrong := self.of(mall).wrong())}
