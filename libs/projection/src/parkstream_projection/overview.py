"""Where everything stands, as of one look: the log, what is projected of it, and what is to be delivered."""

from datetime import datetime

from msgspec import Struct
from parkstream_eventlog import LogReader

from parkstream_projection.outbox import Outbox
from parkstream_projection.present import GateState
from parkstream_projection.reads import Reads


class Overview(Struct, frozen=True, kw_only=True):
    """Where everything stands, as of one look."""

    position: int
    """The last record of the log."""
    checkpoint: int
    """The last record that is projected."""
    lag: int
    """How many records are not projected yet."""
    pending: int
    """How many visits wait for the watermark."""
    inside: int
    """How many cars are inside."""
    counters: dict[str, int]
    """What the log amounts to."""
    outbox_depth: int
    """How many summaries are not delivered, parked ones aside."""
    outbox_age_seconds: float
    """Since when the oldest of them waits."""
    parked: int
    """How many summaries the summary API has refused."""
    unreadable: int
    """How many records cannot be read, and nobody has acknowledged that."""
    watermark: datetime
    """Up to when every gate that counts has reported."""
    gates: list[GateState]
    """How far each gate has reported, and whether it counts."""
    state_hash: str
    """The hash of the projection at its checkpoint."""


async def overview(log: LogReader, reads: Reads, outbox: Outbox) -> Overview:
    """Return positions, lag, counters and what waits; raise ``OtherRulesError`` as *reads* do."""
    present = await reads.state()
    position = (await log.state()).position
    return Overview(
        position=position,
        checkpoint=present.checkpoint,
        lag=max(0, position - present.checkpoint),
        pending=present.pending,
        inside=present.inside,
        counters=present.counters,
        outbox_depth=await outbox.depth(),
        outbox_age_seconds=await outbox.age_seconds(),
        parked=await outbox.parked(),
        unreadable=present.unreadable,
        watermark=present.watermark,
        gates=present.gates,
        state_hash=present.state_hash,
    )
