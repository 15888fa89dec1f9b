"""Many targets tried side by side, each in portions, by several processes."""

import os
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import parent_process
from threading import Thread
from typing import Final

from fuzzing import targets
from fuzzing.run import Progress, Tally, fuzz

DECODERS: Final = {target.name: target for target in targets.ALL}
PORTION: Final = 10_000
Portion = tuple[str, int, int]
"""The name of a target, how many inputs, and their seed."""


def fuzz_all(shares: Mapping[str, int], seed: int, progress: Progress, processes: int = 1) -> list[Tally]:
    """Try each decoder with so many inputs as *shares* says; what they are follows from *seed* alone."""
    portions = list(portions_of(shares, seed))
    tallies = {name: Tally(target=name) for name in shares}
    if len(portions) == 1:
        alone = _tried(portions[0])
        progress(alone)
        return [alone]
    with ProcessPoolExecutor(min(processes, len(portions)), initializer=_end_with_parent) as pool:
        for done in as_completed([pool.submit(_tried, portion) for portion in portions]):
            tally = done.result()
            tallies[tally.target].add(tally)
            progress(tallies[tally.target])
    return list(tallies.values())


def portions_of(shares: Mapping[str, int], seed: int) -> Iterator[Portion]:
    """Yield what is tried at once, the slowest targets first."""
    for name in sorted(shares, key=lambda name: DECODERS[name].weight):
        for nth, begin in enumerate(range(0, shares[name], PORTION)):
            yield name, min(PORTION, shares[name] - begin), seed + nth


def _end_with_parent() -> None:
    """Have this process end when the one that started it is gone, however it went."""
    parent = parent_process()
    assert parent is not None

    def wait() -> None:
        parent.join()
        os._exit(1)  # Nobody waits for what it tries.

    Thread(target=wait, daemon=True).start()


def _tried(portion: Portion) -> Tally:
    name, inputs, seed = portion
    return fuzz(DECODERS[name], inputs, seed)
