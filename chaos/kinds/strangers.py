"""Messages that no camera should send, and answers that no summary API gives."""

from contextlib import ExitStack
from datetime import UTC, datetime
from operator import itemgetter
from random import Random
from typing import Final

from parkstream_devtools.faults import Answer, Api, Fault, Proxy, RawPublisher, answers, hostile_messages
from parkstream_events import wire
from parkstream_events.topology import ENTERED_KEY, EVENTS_EXCHANGE

from chaos.kinds.kind import Drawn, Kind
from chaos.mall import Mall

MESSAGES_MAX: Final = 12


class HostileMessages(Fault):
    """Some messages of *kinds* come between the cars' sightings; *name* begins their ids."""

    kind = "hostile-messages"

    def __init__(self, mall: Mall, name: str, kinds: list[str]) -> None:
        self._mall = mall
        self._name = name
        self._kinds = kinds

    def inject(self) -> None:
        """See ``Fault.inject``; what is a good sighting counts as one."""
        at = datetime.now(UTC).isoformat()
        traffic = self._mall.camera.cars.traffic
        with RawPublisher(self._mall.rabbitmq.url) as publisher:
            for number, kind in enumerate(self._kinds):
                message = hostile_messages(wire.ENTERED, f"{self._name}{number}", at, way="entry")[kind]
                publisher.publish(EVENTS_EXCHANGE, ENTERED_KEY, message.body, message.properties)
                traffic.of_strangers += message.is_sighting
                traffic.refused += not message.is_sighting

    def heal(self) -> None:
        """See ``Fault.heal``: they are there, and stay."""


class HostileAnswers(Fault):
    """Somebody else answers in place of the summary API, at *proxy*."""

    kind = "hostile-answers"

    def __init__(self, proxy: Proxy, api_port: int, answer: Answer) -> None:
        self._proxy = proxy
        self._api_port = api_port
        self._answer = answer
        self._answering = ExitStack()

    def inject(self) -> None:
        """See ``Fault.inject``."""
        self._proxy.lead_to(self._answering.enter_context(Api(self._answer)).port)

    def heal(self) -> None:
        """See ``Fault.heal``."""
        self._proxy.lead_to(self._api_port)
        self._answering.close()


def _messages(mall: Mall, random: Random) -> Drawn:
    names = sorted(hostile_messages(wire.ENTERED, "", datetime.now(UTC).isoformat(), way="entry"))
    chosen = random.sample(names, random.randint(1, MESSAGES_MAX))
    return Drawn(HostileMessages(mall, f"hostile-{random.randrange(2**32)}-", chosen), ", ".join(chosen))


def _answers(mall: Mall, random: Random) -> Drawn:
    name, answer = random.choice(sorted(answers().items(), key=itemgetter(0)))
    link = random.choice(sorted(link for link in mall.links if link.server == "summary-api"))
    return Drawn(HostileAnswers(mall.links[link], mall.api.port, answer), f"{link.client}, {name}")


STRANGERS = [
    Kind(name="hostile-messages", draw=_messages),
    Kind(name="hostile-answers", draw=_answers),
]
