"""What is done, and what would be: compare, then create, update, or delete."""

from collections.abc import Callable, Iterator
from typing import Final, Literal

from msgspec import Struct

from parkstream_provision.api import Api
from parkstream_provision.containment import differences
from parkstream_provision.errors import RefusedError
from parkstream_provision.files import Wanted
from parkstream_provision.kinds import BY_FOLDER, Existing, Kind
from parkstream_provision.received import too_early
from parkstream_provision.retention import Term, keep, kept_hours, terms
from parkstream_provision.shapes import Json

Action = Literal["created", "updated", "deleted", "unchanged", "left over", "deferred", "failed"]
CHANGES: frozenset[Action] = frozenset({"created", "updated", "deleted"})
TOO_EARLY: Final = "its figure was not received yet: it would fire at once; it is made when it was"


class Done(Struct, frozen=True):
    """What was done with one thing, or would be if it is not *written*; *why* says what differed or went wrong."""

    kind: str
    name: str
    action: Action
    why: str = ""
    written: bool = False


class Applier:
    """Makes SigNoz have what is wanted; without *write* it only says what it would do.

    Whatever *write* says, it makes those of *awaited*, rules that were deferred before, whose figure has come.
    """

    def __init__(self, api: Api, *, write: bool, prune: bool = False, awaited: frozenset[str] = frozenset()) -> None:
        self._api = api
        self._write = write
        self._prune = prune
        self._awaited = awaited

    def run(self, wanted: Wanted) -> list[Done]:
        """Return what was done; a thing that SigNoz refuses does not hold up the others."""
        done: list[Done] = []
        extras: list[tuple[Kind, Existing]] = []
        for folder, kind in BY_FOLDER.items():
            there = kind.existing(self._api)
            done += [self._apply(kind, body, there) for body in wanted.by_kind[folder]]
            extras += [(kind, one) for one in _extra(kind, wanted.by_kind[folder], there)]
        done += [self._keep(term) for term in terms(wanted.retention)]
        return done + [self._remove(kind, one) for kind, one in reversed(extras)]  # A rule before its channel.

    def _apply(self, kind: Kind, body: Json, there: list[Existing]) -> Done:
        name = kind.key(body)
        found = next((one for one in there if one.key == name), None)
        if found is None:
            if too_early(self._api, body):
                return Done(kind.name, name, "deferred", TOO_EARLY)
            return self._do(kind.name, name, "created", lambda: kind.create(self._api, body))
        differing = differences(body, found.body)
        if not differing:
            return Done(kind.name, name, "unchanged")
        if found.locked:
            return Done(kind.name, name, "failed", "it is locked: unlock it in SigNoz, or leave it as it is")
        return self._do(kind.name, name, "updated", lambda: kind.update(self._api, found, body), "; ".join(differing))

    def _keep(self, term: Term) -> Done:
        try:
            now = kept_hours(self._api, term.signal)
        except RefusedError as error:
            return Done("retention", term.signal, "failed", error.detail)
        if term.hours in now:
            return Done("retention", term.signal, "unchanged")
        why = f"{'/'.join(map(str, sorted(now))) or 'unknown'} h instead of {term.hours} h"
        return self._do("retention", term.signal, "updated", lambda: keep(self._api, term), why)

    def _remove(self, kind: Kind, extra: Existing) -> Done:
        if not self._prune:
            return Done(kind.name, extra.key, "left over", "it is ours, but in no file: --prune removes it")
        return self._do(kind.name, extra.key, "deleted", lambda: kind.delete(self._api, extra))

    def _do(self, kind: str, name: str, action: Action, call: Callable[[], None], why: str = "") -> Done:
        write = self._write or name in self._awaited
        if write:
            try:
                call()
            except RefusedError as error:
                return Done(kind, name, "failed", error.detail)
        return Done(kind, name, action, why, write)


def _extra(kind: Kind, wanted: list[Json], there: list[Existing]) -> Iterator[Existing]:
    """Yield what is ours but not wanted, and every second one of a name that need not be unique."""
    names = {kind.key(body) for body in wanted}
    for one in there:
        if one.ours and one.key not in names:
            yield one
        names.discard(one.key)
