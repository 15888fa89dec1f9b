"""Which summaries are corrected, and why, when a gate is cut off under 100 events/s; one backend, two, one frozen."""

import asyncio
from contextlib import ExitStack
from typing import Final

from parkstream_devtools import RabbitServer, Sandbox

from benchmarks import stack
from benchmarks.gate_scene import Place, Scene, play
from benchmarks.results import Row, say

RATE: Final = 100.0
STAY_SECONDS: Final = 8.0
BEFORE_SECONDS: Final = 15.0
AFTER_SECONDS: Final = 15.0
FROZEN_AFTER: Final = 0.2
FROZEN_FOR: Final = 0.5
"""Of the outage: after which part of it the second backend stands still, and for how much of it."""
BACKENDS: Final = ("one", "two", "two, one frozen")


def measure(sandbox: Sandbox, rabbitmq: RabbitServer, outage_seconds: float, backends: str) -> Row:
    """Let one scene happen; it fails when a correction is not allowed or the account does not balance."""
    begins, ends = BEFORE_SECONDS, BEFORE_SECONDS + outage_seconds
    since = begins + FROZEN_AFTER * outage_seconds
    frozen = (since, since + FROZEN_FOR * outage_seconds) if "frozen" in backends else None
    scene = Scene(RATE, STAY_SECONDS, (begins, ends), frozen, ends + AFTER_SECONDS)
    with ExitStack() as at_work:
        run = at_work.enter_context(stack.run(sandbox, rabbitmq, {}))
        started = [run.backend("record,project,deliver", "backend") for _ in range(1 if backends == "one" else 2)]
        for backend in started:
            at_work.callback(backend.terminate)
            backend.wait_ready()
        place = Place(run.rabbitmq_url, run.redis.url, stack.MALL, run.summary_file, started)
        outcome = asyncio.run(play(scene, place))
    say(f"  {outage_seconds:g} s, {backends}: {outcome.reasons}, decisions {outcome.decisions}")
    if outcome.forbidden or outcome.wrong:
        message = f"account {outcome.wrong}; not allowed: {outcome.forbidden[:5]}"
        raise RuntimeError(message)
    return {
        "name": backends,
        "outage_seconds": outage_seconds,
        "sightings": len(scene.passes()),
        "frozen_seconds": frozen[1] - frozen[0] if frozen else 0,
        "summaries": outcome.summaries,
        "corrected": len(outcome.corrections),
        "reasons": outcome.reasons,
        "decisions": outcome.decisions,
    }
