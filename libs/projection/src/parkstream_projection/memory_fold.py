"""A log folded in memory, in one process: what the projection of any domain must be equal to."""

from typing import Any, Final, Generic

from msgspec import Struct
from parkstream_eventlog import LogReader
from parkstream_eventlog.prefetch import batches_of

from parkstream_projection.definition import ClockT, Definition, EntityT, RevisionT
from parkstream_projection.state_hash import MODULUS, clock_hash, encode, entity_hash, hash_text

BATCH: Final = 1_000


class Folded(Struct, Generic[ClockT, EntityT, RevisionT], frozen=True):
    """What a log amounts to at *position*, and all that was emitted on the way."""

    position: int
    clock: ClockT
    entities: dict[str, EntityT]
    revisions: list[RevisionT]

    @property
    def state_hash(self) -> str:
        """The hash that a projection has at this position."""
        total = clock_hash(encode(self.clock))
        total += sum(entity_hash(name, encode(entity)) for name, entity in self.entities.items())
        return hash_text(total % MODULUS)


async def fold_log(
    log: LogReader, definition: Definition[ClockT, EntityT, Any, RevisionT], through: int | None = None
) -> Folded[ClockT, EntityT, RevisionT]:
    """Fold *log* from its beginning up to position *through*, or to where it ends now; errors as for ``read``."""
    last = (await log.state()).position if through is None else through
    clock = definition.new_clock()
    part, event_of = definition.part(clock), definition.event_of
    fold = part.fold
    revisions: list[RevisionT] = []
    async for records in batches_of(log, 0, last, BATCH):
        for record in records:
            revisions += fold(event_of(record))
    return Folded(last, clock, part.entities, revisions)
