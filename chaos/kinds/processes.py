"""Processes that are killed, ended in good order, or stand still."""

from collections.abc import Callable
from random import Random

from parkstream_devtools.faults import Fault, Frozen, Killed
from parkstream_devtools.sandbox import ServiceProcess

from chaos.broken import BrokenPromiseError
from chaos.kinds.kind import Drawn, Kind
from chaos.mall import Mall


class Ended(Fault):
    """*process* ends in good order (SIGTERM), and is started again."""

    kind = "ended"

    def __init__(self, process: ServiceProcess) -> None:
        self._process = process

    def inject(self) -> None:
        """See ``Fault.inject``."""
        if code := self._process.terminate():
            message = f"{self._process.name} ended with code {code} at SIGTERM"
            raise BrokenPromiseError(message)

    def heal(self) -> None:
        """See ``Fault.heal``."""
        if not self._process.alive:
            self._process.restart()


def _of_service(
    name: str, choose: Callable[[Mall, Random], ServiceProcess], make: Callable[[ServiceProcess], Fault]
) -> Kind:
    def draw(mall: Mall, random: Random) -> Drawn:
        process = choose(mall, random)
        return Drawn(make(process), process.name)

    return Kind(name=name, draw=draw)


def _killed(process: ServiceProcess) -> Fault:
    return Killed(process, process.restart)


def _a_backend(mall: Mall, random: Random) -> ServiceProcess:
    return random.choice(mall.backends)


def _the_api(mall: Mall, _: Random) -> ServiceProcess:
    return mall.api


PROCESSES = [
    _of_service("backend-killed", _a_backend, _killed),
    _of_service("backend-ended", _a_backend, Ended),
    _of_service("backend-frozen", _a_backend, Frozen),
    _of_service("api-killed", _the_api, _killed),
    _of_service("api-ended", _the_api, Ended),
    _of_service("api-frozen", _the_api, Frozen),
]
