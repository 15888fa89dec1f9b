"""Which work a page or a form means."""

from collections.abc import Awaitable, Callable, Collection

from msgspec import Struct
from parkstream_projection.opened import Opened
from parkstream_projection.rebuild import Source
from parkstream_service.client import ServiceClient

from parkstream_console.acts import letters, records, summaries, versions
from parkstream_console.acts.work import ImpossibleError, Work

WHAT_LENGTH_MAX = 200


class Kinds(Struct, frozen=True, kw_only=True):
    """Makes works; *trusted*: whose dead letters are sent again."""

    it: Opened
    opened_to_write: Callable[[], Awaitable[Opened]]
    client: ServiceClient
    source: Source
    rabbitmq_url: str
    summary_url: str
    trusted: Collection[str]

    def work(self, kind: str, what: str, *, restates: bool = False) -> Work:
        """Return the work of that *kind* on *what*; raise ``ImpossibleError`` when there is none like that."""
        match kind:
            case letters.KIND:
                return letters.RedriveLetters(self.rabbitmq_url, self.trusted, what[:WHAT_LENGTH_MAX])
            case summaries.PARKED:
                return summaries.RedriveParked(self.it, what[:WHAT_LENGTH_MAX])
            case summaries.MISSING:
                return summaries.EmitMissing(self.it, self.client, self.summary_url)
            case records.KIND:
                return records.Acknowledge(self.it, _number(what))
            case versions.SWITCH | versions.ROLLBACK:
                is_back = kind == versions.ROLLBACK
                return versions.MakeLive(self.opened_to_write, self.source, _number(what), is_back, restates)
            case _:
                message = f"nothing is called {kind[:WHAT_LENGTH_MAX]}: choose on To do or Running"
                raise ImpossibleError(message)


def _number(what: str) -> int:
    if not (what.isascii() and what.isdecimal() and len(what) <= len(str(2**53))):
        message = f"{what[:WHAT_LENGTH_MAX]!r} is no number: choose on To do or Running"
        raise ImpossibleError(message)
    return int(what)
