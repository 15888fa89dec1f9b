"""Is this process alive, and is it of use now."""

from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Final

from parkstream_service.lifecycle import BackgroundTasks

from parkstream_backend.http import Request, Response, answer
from parkstream_backend.monitor import Monitor

PING_TIMEOUT_SECONDS: Final = 1.0


class Health:
    """Answers ``/health/live`` and ``/health/ready``; *problems* are asked beside what the monitor knows."""

    def __init__(
        self, tasks: BackgroundTasks, monitor: Monitor, problems: Mapping[str, Callable[[], Awaitable[str]]]
    ) -> None:
        self._tasks = tasks
        self._monitor = monitor
        self._problems = problems

    async def live(self, _: Request) -> Response:
        """Say whether every background task of this process runs; if not, only a restart helps."""
        return _health({f"task {name}": problem for name, problem in self._tasks.failed.items()})

    async def ready(self, _: Request) -> Response:
        """Say whether events find their way through this process now."""
        problems = {f"task {name}": problem for name, problem in self._tasks.failed.items()}
        problems["redis"] = self._monitor.redis_problem
        lag, most = self._monitor.figures.lag, self._monitor.limits["projection_lag"]
        problems["projection"] = f"{lag} records behind, at most {most:.0f} are fine" if lag >= most else ""
        for name, problem in self._problems.items():
            problems[name] = await problem()
        return _health(problems)


def _health(problems: Mapping[str, str]) -> Response:
    wrong = {name: problem for name, problem in problems.items() if problem}
    status = HTTPStatus.SERVICE_UNAVAILABLE if wrong else HTTPStatus.OK
    return answer({"status": "failing" if wrong else "ok", "problems": wrong}, status)
