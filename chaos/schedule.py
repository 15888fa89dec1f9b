"""What happens in a run, in which order, drawn from its seed: the same seed gives the same schedule."""

from collections.abc import Sequence
from random import Random
from typing import Final

from msgspec import Struct

RUN_FAULTS: Final = 12
"""So many faults, each of another kind, hit the same servers and services; the next ones hit fresh ones."""
EVENTS: Final = (600, 1_800)
LASTING_SECONDS: Final = (0.0, 3.0)
LONGER: Final = (1, 1, 1, 1, 5)
"""Some last long enough to be noticed by those who wait for an answer."""
PAUSE_SECONDS: Final = (0.0, 0.04)
SEEDS: Final = 2**32


class Step(Struct, frozen=True, kw_only=True):
    """One fault. Which process or connection it hits is drawn from *chance*."""

    position: int
    kind: str
    chance: int
    events: int
    """How many sightings pass the cameras from the fault before to the end of this one."""
    share_before: float
    """Which share of them before it is injected."""
    lasting_seconds: float
    pause_seconds: float
    """How long cameras wait after each twenty cars."""


def schedule(seed: int, kinds: Sequence[str], faults: int = RUN_FAULTS) -> list[Step]:
    """Return the first *faults* steps of the run of *seed*: all *kinds*, in any order, before one comes again."""
    random = Random(f"order:{seed}")
    order: list[str] = []
    while len(order) < faults:
        order += random.sample(sorted(kinds), len(kinds))
    return [_step(seed, position, kind) for position, kind in enumerate(order[:faults], start=1)]


def seeds_of(seed: int) -> Random:
    """Return what draws the seeds of all runs after the first, whose own is *seed*."""
    return Random(f"runs:{seed}")


def _step(seed: int, position: int, kind: str) -> Step:
    random = Random(f"step:{seed}:{position}")
    return Step(
        position=position,
        kind=kind,
        chance=random.randrange(SEEDS),
        events=random.randint(*EVENTS),
        share_before=random.uniform(0.1, 0.7),
        lasting_seconds=random.uniform(*LASTING_SECONDS) * random.choice(LONGER),
        pause_seconds=random.uniform(*PAUSE_SECONDS),
    )
