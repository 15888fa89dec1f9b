"""Both generators, of which one dies or stands still while no other camera sees anything."""

from functools import partial
from random import Random
from typing import Final, TypeVar
from urllib.parse import quote
from urllib.request import Request, urlopen

from msgspec.structs import replace
from parkstream_devtools.faults import Fault, Frozen, Killed
from parkstream_devtools.pipeline.account import Published
from parkstream_devtools.pipeline.settings import ENTRY_GATES, EXIT_GATES
from parkstream_devtools.pipeline.snapshots import Entries, Exits, published_by
from parkstream_devtools.sandbox import ServiceProcess
from parkstream_events.topology import SEEN_ENTERING_QUEUE

from chaos.kinds.kind import Drawn, Kind
from chaos.mall import ASK_SECONDS, START_SECONDS, UNANSWERED, Mall, ask
from chaos.verdict import wait_until

RATE: Final = 100
FIRST: Final = 50
"""So many are published before the fault, and as many after it."""


T = TypeVar("T")


class OfGenerators(Fault):
    """Generators of their own, named *name*, let cars pass; *frozen* or killed is the *exits* or the entries one."""

    kind = "of-generators"

    def __init__(self, mall: Mall, name: str, *, exits: bool, frozen: bool) -> None:
        self._mall = mall
        self._name = name
        self._of_exits = exits
        self._frozen = frozen
        self._running: list[ServiceProcess] = []
        self._fault: Fault | None = None

    def inject(self) -> None:
        """See ``Fault.inject``."""
        self._running = [self._start("exit", EXIT_GATES)]
        self._running[0].wait_ready(START_SECONDS)  # It sees who enters from then on.
        self._running.append(self._start("entry", ENTRY_GATES))
        hit = self._running[0 if self._of_exits else 1]
        hit.wait_ready(START_SECONDS)
        wait_until(lambda: _too_few(hit, FIRST), f"{hit.name} publishes")
        self._fault = Frozen(hit) if self._frozen else Killed(hit, hit.restart)
        self._fault.inject()

    def heal(self) -> None:
        """See ``Fault.heal``: their account is complete, and counts."""
        if self._fault is None:
            return
        self._fault.heal()
        exits, entries = self._running
        for one in self._running:
            one.wait_ready(START_SECONDS)
            wait_until(partial(_too_few, one, 2 * FIRST), f"{one.name} publishes again")
        entered = self._finished(entries, Entries)
        wait_until(lambda: _expected(exits, entered), "all have left")
        self._count(published_by(entered, self._finished(exits, Exits)))
        for one in self._running:
            one.terminate()
        path = f"/queues/%2F/{quote(SEEN_ENTERING_QUEUE, safe='')}"
        self._mall.rabbitmq.management.request("DELETE", path)  # Else it takes what no other queue does.

    def _start(self, way: str, gates: tuple[str, ...]) -> ServiceProcess:
        environ = {
            "PARKSTREAM_MALL": self._name,
            "PARKSTREAM_SEED": self._name.rpartition("-")[2],
            "PARKSTREAM_GATES": ",".join(gates),
            "PARKSTREAM_RATE": str(RATE),
            "PARKSTREAM_DWELL_MEDIAN_SECONDS": "0.5",
        }
        return self._mall.sandbox.service(
            f"parkstream_{way}_generator", self._mall.environ | environ, f"{way}-generator"
        )

    def _finished(self, service: ServiceProcess, account: type[T]) -> T:
        """Have *service* make nothing more, and return its account when all is confirmed."""
        urlopen(Request(f"{service.url}/v1/stop", method="POST"), timeout=ASK_SECONDS).close()
        wait_until(lambda: "events wait" if _busy(service) else "", f"{service.name} ends")
        return ask(f"{service.url}/v1/account", account)

    def _count(self, more: Published) -> None:
        traffic = self._mall.camera.cars.traffic
        names = ("entries", "exits", "matched", "unmatched")
        sums = {name: getattr(traffic.of_generators, name) + getattr(more, name) for name in names}
        traffic.of_generators = replace(traffic.of_generators, **sums)


def _too_few(service: ServiceProcess, wanted: int) -> str:
    try:
        published = ask(f"{service.url}/v1/account", Entries).published
    except UNANSWERED as error:
        return f"no answer: {error!r}"
    return "" if published >= wanted else f"{published} published"


def _busy(service: ServiceProcess) -> bool:
    account = ask(f"{service.url}/v1/account", Entries)
    return account.running or account.buffered > 0


def _expected(service: ServiceProcess, entered: Entries) -> str:
    account = ask(f"{service.url}/v1/account", Exits)
    left = account.matched + account.missed + account.misread + account.backdated
    return "" if left >= entered.published and not account.parked else f"{left} left"


def _drawn(mall: Mall, random: Random, *, frozen: bool) -> Drawn:
    exits = random.choice([True, False])
    name = f"generators-{random.randrange(2**31)}"
    return Drawn(OfGenerators(mall, name, exits=exits, frozen=frozen), "exit-generator" if exits else "entry-generator")


GENERATORS = [
    Kind(name="generator-killed", draw=lambda mall, random: _drawn(mall, random, frozen=False), alone=True),
    Kind(name="generator-frozen", draw=lambda mall, random: _drawn(mall, random, frozen=True), alone=True),
]
