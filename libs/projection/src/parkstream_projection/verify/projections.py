"""What the projections and the outbox say of themselves, against the log."""

from collections.abc import Sequence
from typing import Any, Final

from msgspec import Struct
from parkstream_eventlog.verify import Finding, Findings
from parkstream_events.keys import BackendKeys
from parkstream_service.redis import Functions
from parkstream_visits import Clock
from parkstream_visits.state import UNREADABLE_LISTED_MAX
from redis.asyncio import Redis

from parkstream_projection.codec import decode_clock
from parkstream_projection.functions import PROJECTING
from parkstream_projection.record_audit import RecordAudit
from parkstream_projection.store import HASH_EVERY

OUTBOX_COUNTERS: Final = ("emitted", "emitted_again", "emitted_through", "delivered")
ASKED_MAX: Final = 1_000
REBUILD: Final = "rebuild the projection from the log with parkstream replay, and switch to it"


class Version(Struct, frozen=True):
    """Where a version of the projection stands."""

    version: int
    checkpoint: int
    clock: Clock
    rules_version: int | None
    hashes_missing: tuple[int, ...]
    """Positions whose state hash should be kept, and is not."""


class Snapshot(Struct, frozen=True, kw_only=True):
    """The projections and the outbox, each read in one step."""

    versions: Sequence[Version]
    live: int
    emitted: int
    emitted_again: int
    """What was missing in the summary file, and was put into the outbox once more."""
    emitted_through: int
    delivered: int
    parked: int
    waiting: int
    last_waiting: str | None
    """The greatest id in the outbox."""
    importing: bool

    @property
    def live_version(self) -> Version:
        """The version that answers and emits."""
        nothing = Version(self.live, 0, Clock(), None, ())
        return next((version for version in self.versions if version.version == self.live), nothing)


async def snapshot(redis: Redis, keys: BackendKeys) -> Snapshot:
    """Return what the projections and the outbox in *redis* are now."""
    functions = Functions(redis, PROJECTING)
    versions = sorted(map(int, await functions.execute("SMEMBERS", keys.projections))) or [1]
    meta, parked, waiting, last, importing = await functions.at_once(
        ("HMGET", keys.outbox_meta, "live", *OUTBOX_COUNTERS),
        ("HLEN", keys.outbox_parked),
        ("XLEN", keys.outbox),
        ("XREVRANGE", keys.outbox, "+", "-", "COUNT", 1),
        ("HEXISTS", keys.log_meta, "importing"),
    )
    live, emitted, emitted_again, emitted_through, delivered = (int(value or 0) for value in meta)
    return Snapshot(
        versions=[await _version(functions, keys, version) for version in versions],
        live=live or 1,
        emitted=emitted,
        emitted_again=emitted_again,
        emitted_through=emitted_through,
        delivered=delivered,
        parked=parked,
        waiting=waiting,
        last_waiting=last[0][0].decode() if last else None,
        importing=bool(importing),
    )


async def _version(functions: Functions, keys: BackendKeys, version: int) -> Version:
    meta = keys.projection(version, "meta")
    fields = ("checkpoint", "clock", "aside", "rules_version")
    checkpoint, clock, aside, rules = await functions.execute("HMGET", meta, *fields)
    through = int(checkpoint or 0)
    missing: list[int] = []
    for start in range(HASH_EVERY, through + 1, HASH_EVERY * ASKED_MAX):
        positions = range(start, min(through, start + HASH_EVERY * (ASKED_MAX - 1)) + 1, HASH_EVERY)
        kept: list[Any] = await functions.execute("HMGET", keys.projection(version, "hashes"), *positions)
        missing += [position for position, value in zip(positions, kept, strict=True) if value is None]
    known = decode_clock(clock, aside) if clock else Clock()
    return Version(version, through, known, int(rules) if rules else None, tuple(missing))


def check_projections(seen: Snapshot, end: int, findings: Findings) -> None:
    """Compare what was *seen* with itself, and with a log that ended at *end* afterwards."""
    for version in seen.versions:
        if version.checkpoint > end:
            found = f"version {version.version} has taken in position {version.checkpoint}, the log ends at {end}"
            advice = "Redis lost records, or the log is another one: restore its append-only file before you go on"
            findings.add(Finding("checkpoint_ahead", found, advice, version.checkpoint))
        for position in version.hashes_missing:
            found = f"version {version.version} has not kept its state hash for this position"
            findings.add(Finding("hash_missing", found, f"replays cannot be compared here: {REBUILD}", position))
    _check_outbox(seen, end, findings)
    if seen.importing:
        found = "an import has begun and has not come to its end"
        advice = "run the same import again: it goes on where it was interrupted"
        findings.add(Finding("import_unfinished", found, advice, end))


def _check_outbox(seen: Snapshot, end: int, findings: Findings) -> None:
    accounted = seen.delivered + seen.parked + seen.waiting
    if seen.emitted + seen.emitted_again != accounted:
        emitted = f"{seen.emitted} summaries were emitted, {seen.emitted_again} again"
        parts = f"{seen.delivered} delivered, {seen.parked} parked and {seen.waiting} waiting are {accounted}"
        found = f"{emitted}, but {parts}"
        advice = "parkstream outbox emit-missing emits what the summary file lacks, and counts anew"
        findings.add(Finding("summaries_unaccounted", found, advice, seen.emitted_through))
    if seen.emitted_through > end:
        found = f"summaries were emitted through position {seen.emitted_through}, the log ends at {end}"
        advice = "Redis lost records, or the log is another one: restore its append-only file before you go on"
        findings.add(Finding("emitted_ahead", found, advice, seen.emitted_through))
    if seen.last_waiting and int(seen.last_waiting.split("-")[0]) > seen.emitted_through:
        found = f"the outbox holds {seen.last_waiting}, but summaries were emitted through {seen.emitted_through} only"
        advice = "something wrote past the projection's function: remove the entry with XDEL, and find its writer"
        findings.add(Finding("outbox_ahead", found, advice, int(seen.last_waiting.split("-")[0])))


def check_unreadable(records: RecordAudit, seen: Snapshot, findings: Findings) -> None:
    """Tell records that cannot be read and are listed or acknowledged from those that nobody knows of."""
    live = seen.live_version
    listed = {record.position for record in live.clock.unreadable}
    full = len(listed) >= UNREADABLE_LISTED_MAX
    known = acknowledged = 0
    for record in records.unreadable:
        if record.position in records.acknowledged:
            acknowledged += 1
        elif full or record.position in listed or record.position > live.checkpoint:
            known += 1
        else:
            found = f"this program cannot read it ({record.problem}), but the projection's state does not list it"
            advice = "it was folded by another program: run that one, or make this one read it; then rebuild"
            findings.add(Finding("unreadable", found, advice, record.position))
    _note_unreadable(known, acknowledged, listed - {record.position for record in records.unreadable}, findings)


def _note_unreadable(known: int, acknowledged: int, readable: set[int], findings: Findings) -> None:
    if known:
        findings.notes.append(f"{known} records cannot be read, and the state lists them: parkstream log unreadable")
    if acknowledged:
        findings.notes.append(f"{acknowledged} records cannot be read, and somebody has acknowledged them")
    if readable:
        first = min(readable)
        findings.notes.append(
            f"{len(readable)} listed records can be read now, the first at position {first}: {REBUILD}"
        )
