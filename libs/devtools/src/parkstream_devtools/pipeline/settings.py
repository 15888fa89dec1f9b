"""What the pipeline's services are given."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from msgspec import Struct
from parkstream_generators.gate_settings import gates_of
from parkstream_generators.pace import Pace

Say = Callable[[str], None]

DAY_SECONDS: Final = 86_400.0
MALL: Final = "demo"
PLATE_KEY: Final = "demo"
PLATE_KEY_VARIABLE: Final = "PARKSTREAM_PLATE_HASH_KEY"


ENTRY_GATES: Final = ("north", "south")
EXIT_GATES: Final = ("east", "west")
WAYS: Final = (ENTRY_GATES, EXIT_GATES)
SHARES: Final = (0.6, 0.4)


class Traffic(Struct, frozen=True, kw_only=True):
    """How cars come: *rate* per second, and a day of theirs passes in *seconds*. Without *seed* each run is another.

    *faults* of gates are written as ``PARKSTREAM_GATE_FAULTS`` takes them; what names no gate is for all. Raises
    ``ValueError`` when one is none.
    """

    seconds: float
    rate: float
    arrivals: Pace = Pace.POISSON
    seed: int | None = None
    faults: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        gates_of([*ENTRY_GATES, *EXIT_GATES], self.faults)

    @property
    def late_seconds(self) -> float:
        """How long after the last car something may still be published."""
        gates = gates_of([*ENTRY_GATES, *EXIT_GATES], self.faults)
        return sum(max(gate.faults.late_seconds for gate in gates if gate.name in way) for way in WAYS)


class Options(Traffic, frozen=True, kw_only=True):
    """How to drive a demo: a day of cars. ``keep``: the folder that stays.

    ``stay_in``: a folder by which commands find the demo, which then stays until its user ends it.
    """

    seconds: float = 60.0
    rate: float = 50.0
    arrivals: Pace = Pace.RUSH_HOURS
    seed: int | None = 1
    keep: Path | None = None
    stay_in: Path | None = None


class Servers(Struct, frozen=True, kw_only=True):
    """Where the sandbox's own servers are."""

    rabbitmq_url: str
    redis_url: str
    redis_dir: str


def of_all(servers: Servers, environ: Mapping[str, str]) -> dict[str, str]:
    """Return what every service is given; a key for plates may come from *environ*, the user's."""
    return {
        "PARKSTREAM_RABBITMQ_URL": servers.rabbitmq_url,
        "PARKSTREAM_REDIS_URL": servers.redis_url,
        "PARKSTREAM_MALL": MALL,
        "PARKSTREAM_STATISTICS_SECONDS": "10",
        PLATE_KEY_VARIABLE: environ.get(PLATE_KEY_VARIABLE) or PLATE_KEY,
    }


def of_entries(traffic: Traffic) -> dict[str, str]:
    """Return what the entry generator is given."""
    return _of_cameras(traffic, ENTRY_GATES, EXIT_GATES)


def of_exits(traffic: Traffic) -> dict[str, str]:
    """Return what the exit generator is given."""
    return _of_cameras(traffic, EXIT_GATES, ENTRY_GATES)


def _of_cameras(traffic: Traffic, gates: Sequence[str], others: Sequence[str]) -> dict[str, str]:
    """Return how cars pass *gates*; faults of *others* are not theirs."""
    faults = [fault for fault in traffic.faults if fault.partition(":")[0] not in others]
    return {
        "PARKSTREAM_GATES": ",".join(f"{gate}={share:g}" for gate, share in zip(gates, SHARES, strict=True)),
        "PARKSTREAM_GATE_FAULTS": ",".join(faults),
        "PARKSTREAM_RATE": f"{traffic.rate:g}",
        "PARKSTREAM_ARRIVALS": traffic.arrivals,
        "PARKSTREAM_SEED": "" if traffic.seed is None else str(traffic.seed),
        "PARKSTREAM_TIME_SCALE": f"{DAY_SECONDS / traffic.seconds:g}",
    }
