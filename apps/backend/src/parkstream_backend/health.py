"""Whether events find their way through this process."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from parkstream_projection.present import GateState
from parkstream_service.http import Notice
from parkstream_service.lifecycle import BackgroundTasks

from parkstream_backend.monitor import UNNAMED, Monitor

GONE: Final = (
    "{} summaries are neither waiting nor parked nor delivered: the outbox or its counters were deleted; "
    "`parkstream outbox emit-missing` emits what the summary file lacks, and counts anew"
)


class Health:
    """Asks its tasks, what the monitor knows, and *problems*."""

    def __init__(
        self, tasks: BackgroundTasks, monitor: Monitor, problems: Mapping[str, Callable[[], Awaitable[str]]]
    ) -> None:
        self._tasks = tasks
        self._monitor = monitor
        self._problems = problems

    async def live(self) -> Mapping[str, str]:
        """Return the background tasks that have failed; only a restart helps."""
        return {f"task {name}": problem for name, problem in self._tasks.failed.items()}

    async def ready(self) -> Mapping[str, str]:
        """Return what keeps events from finding their way through this process now."""
        lag, most = self._monitor.figures.lag, self._monitor.limits["projection_lag"]
        found = {name: await problem() for name, problem in self._problems.items()}
        return {
            **await self.live(),
            "redis": self._monitor.redis_problem,
            **self._monitor.problems,
            **found,
            "log": found.get("log") or self._monitor.figures.log_problem,
            "projection": f"{lag} records behind, at most {most:.0f} are fine" if lag >= most else "",
            "outbox": GONE.format(abs(self._monitor.figures.gone)) if self._monitor.figures.gone else "",
            "gates": Notice(", ".join(map(_in_words, self._monitor.figures.behind))),
        }


def _in_words(gate: GateState) -> str:
    name = gate.gate or UNNAMED
    return f"{gate.direction} gate {name} is behind: it reports what is {gate.delay_seconds:.0f} s old"
