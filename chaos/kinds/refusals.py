"""What must be refused until it is right again: a Redis that has forgotten, is torn or weak, and clocks that step."""

from contextlib import ExitStack
from random import Random
from typing import Final

from parkstream_devtools.faults import (
    UNFINISHED,
    WEAK_SETTINGS,
    AofCopy,
    Clock,
    ClockStepped,
    Cut,
    Emptied,
    Fault,
    HalfWritten,
    Older,
    Weakened,
)
from parkstream_devtools.servers.process import StartError

from chaos.broken import BrokenPromiseError
from chaos.kinds.kind import Drawn, Kind, Need
from chaos.mall import Mall

OFFSETS_SECONDS: Final = (180.0, 7_200.0, 8 * 86_400.0, -180.0, -7_200.0)


class Unreached(Fault):
    """*fault* is injected while nobody reaches Redis: what it throws away was acknowledged to nobody."""

    kind = "unreached"

    def __init__(self, mall: Mall, fault: Fault) -> None:
        self._mall = mall
        self._fault = fault

    def inject(self) -> None:
        """See ``Fault.inject``."""
        with ExitStack() as stack:
            for link, proxy in self._mall.links.items():
                if link.server == "Redis":
                    stack.enter_context(Cut(proxy))
            self._fault.inject()

    def heal(self) -> None:
        """See ``Fault.heal``."""
        self._fault.heal()


class Torn(HalfWritten):
    """Redis dies while it writes, and then refuses to start until its file is repaired."""

    def inject(self) -> None:
        """See ``Fault.inject``."""
        super().inject()
        try:
            self._server.start()
        except StartError:
            return
        message = "Redis started with a torn append-only file"
        raise BrokenPromiseError(message)


def _emptied(mall: Mall, random: Random) -> Drawn:
    functions = random.choice([True, False])
    fault = Emptied(mall.redis, mall.scratch(), functions=functions)
    return Drawn(Unreached(mall, fault), "redis and its functions" if functions else "redis")


def _older(mall: Mall, _: Random) -> Drawn:
    """Redis as it is before this step's cars pass."""
    copy = AofCopy(mall.redis, mall.scratch() / "older")
    return Drawn(Unreached(mall, Older(mall.redis, copy, mall.scratch())), "redis")


def _torn(mall: Mall, random: Random) -> Drawn:
    written = random.randint(1, len(UNFINISHED))
    return Drawn(Torn(mall.redis, written_bytes=written), f"redis, after {written} bytes")


def _weakened(mall: Mall, random: Random) -> Drawn:
    name, value = random.choice(WEAK_SETTINGS)
    return Drawn(Weakened(mall.redis, **{name: value}), f"{name} {value}")


def _stepped(mall: Mall, random: Random) -> Drawn:
    clocks = {"redis": [mall.clock_of_redis], "backends": mall.clocks_of_backends}
    which = random.choice([["redis"], ["backends"], ["redis", "backends"]])
    return _by_an_offset([clock for name in which for clock in clocks[name]], " and ".join(which), random)


def _one_stepped(mall: Mall, random: Random) -> Drawn:
    backend = random.choice(mall.backends)
    return _by_an_offset([mall.clocks_of_backends[mall.backends.index(backend)]], backend.name, random)


def _by_an_offset(clocks: list[Clock | None], whose: str, random: Random) -> Drawn:
    offset = random.choice(OFFSETS_SECONDS)
    fault = ClockStepped(*(clock for clock in clocks if clock is not None), offset_seconds=offset)
    return Drawn(fault, f"{whose} by {offset:+,.0f} s")


REFUSALS = [
    Kind(name="redis-emptied", draw=_emptied, quiet=True, refused_by=("log", "redis")),
    Kind(name="redis-older", draw=_older, quiet=True, refused_by=("log",)),
    Kind(name="redis-torn", draw=_torn),
    Kind(name="redis-weakened", draw=_weakened, refused_by=("durability",)),
    Kind(name="clock-stepped", draw=_stepped, refused_by=("clock",), needs=Need.CLOCKS),
    Kind(name="one-clock-stepped", draw=_one_stepped, refused_by=("clock",), by_one=True, needs=Need.CLOCKS),
]
