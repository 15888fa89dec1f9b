"""A decoder tried with many inputs: how many it takes, how many it refuses, and each defect once."""

import re
import time
import traceback
from collections.abc import Callable, Iterator
from random import Random
from typing import Final

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as seeded
from msgspec import Struct, field

from fuzzing.meter import EVERY, CostlyError, EndlessError, begin, ended, metered
from fuzzing.mutation import mutated
from fuzzing.strategies import inputs_like
from fuzzing.target import Failure, Target

KINDS_MAX: Final = 10
"""A target with so many defects is left alone."""
STRATEGIC_SHARE: Final = 0.003
"""Of the inputs, by Hypothesis: it knows more of what is odd, and is a hundred times slower."""
SHORTENINGS_MAX: Final = 2_000
OURS: Final = re.compile(r".*/(?:src/(?=parkstream_)|(?=fuzzing/))")


class Tally(Struct, kw_only=True):
    """What became of the inputs of one target."""

    target: str
    inputs: int = 0
    accepted: int = 0
    refused: int = 0
    seconds: float = 0.0
    failed: int = 0
    failures: list[Failure] = field(default_factory=list[Failure])
    """One of each kind, as short as it was found to be."""

    @property
    def per_second(self) -> int:
        """How many inputs were tried each second."""
        return round(self.inputs / self.seconds) if self.seconds else 0

    def note(self, outcome: bool | Failure) -> None:  # noqa: FBT001 - what a check returns
        """Count one input."""
        self.inputs += 1
        if not isinstance(outcome, Failure):
            self.accepted += outcome
            self.refused += not outcome
            return
        self.failed += 1
        self._keep(outcome)

    def add(self, other: "Tally") -> None:
        """Count what *other* has counted."""
        self.inputs += other.inputs
        self.accepted += other.accepted
        self.refused += other.refused
        self.seconds += other.seconds
        self.failed += other.failed
        for failure in other.failures:
            self._keep(failure)

    def _keep(self, failure: Failure) -> None:
        if failure.kind not in {one.kind for one in self.failures}:
            self.failures.append(failure)


Progress = Callable[[Tally], None]
"""Is called with what became of the inputs of a target so far."""


def fuzz(target: Target, inputs: int, seed: int) -> Tally:
    """Try *target* with so many *inputs*, which follow from *seed*."""
    tally = Tally(target=target.name)
    begun = time.process_time()  # Others may work here, too.
    with ended():
        _by_strategy(target, max(1, round(inputs * STRATEGIC_SHARE)), seed, tally)
        for data, is_metered in _inputs(target, inputs - tally.inputs, seed):
            if len(tally.failures) >= KINDS_MAX:
                break
            tally.note(outcome_of(target, data, is_metered=is_metered))
        tally.failures = [_shortened(target, failure) for failure in tally.failures]
    tally.seconds = time.process_time() - begun
    return tally


def outcome_of(target: Target, data: bytes, *, is_metered: bool = True) -> bool | Failure:
    """Return whether *target* takes *data*, or how it fails."""
    begin()
    try:
        if not is_metered:
            return target.check(data)
        with metered(target, data):
            return target.check(data)
    except (Exception, EndlessError) as error:  # noqa: BLE001 - whatever comes out is the finding
        return _failure(target, data, error)


def _inputs(target: Target, count: int, seed: int) -> Iterator[tuple[bytes, bool]]:
    rng = Random(f"{seed}:{target.name}")
    for sample in target.samples[:count]:
        yield target.finish(rng, sample), True
    for nth in range(count - len(target.samples)):
        data = target.finish(rng, mutated(rng, target.samples))
        yield data, nth % EVERY == 0 or target.metered(data)


def _by_strategy(target: Target, count: int, seed: int, tally: Tally) -> None:
    """Have Hypothesis make the inputs."""
    rng = Random(seed)

    @seeded(seed)
    @settings(
        max_examples=count,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(inputs_like(target.samples))
    def each(data: bytes) -> None:
        tally.note(outcome_of(target, target.finish(rng, data), is_metered=False))

    each()


def _failure(target: Target, data: bytes, error: BaseException) -> Failure:
    where = "" if isinstance(error, CostlyError | EndlessError) else _where(traceback.extract_tb(error.__traceback__))
    text = f"{type(error).__name__}: {error}"[:500].encode(errors="backslashreplace").decode()
    return Failure(target=target.name, error=text, where=where, input=data)


def _where(frames: traceback.StackSummary) -> str:
    """Return the last line of ours, or the one that makes a promise."""
    ours = [frame for frame in frames if OURS.search(frame.filename) and frame.name != "promise"] or frames
    return f"{OURS.sub('', ours[-1].filename)}:{ours[-1].lineno}"


def _shortened(target: Target, failure: Failure) -> Failure:
    """Return the same failure with a shorter input, as far as leaving parts out leads."""
    if not failure.where:
        return failure
    size, tries = len(failure.input) // 2, 0
    while size and tries < SHORTENINGS_MAX:
        at = 0
        while at < len(failure.input) and tries < SHORTENINGS_MAX:
            tries += 1
            shorter = failure.input[:at] + failure.input[at + size :]
            found = outcome_of(target, shorter)
            if isinstance(found, Failure) and found.kind == failure.kind:
                failure = found
            else:
                at += size
        size //= 2
    return failure
