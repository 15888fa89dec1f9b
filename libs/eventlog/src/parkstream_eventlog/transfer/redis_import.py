"""Imports into a Redis stream, through the function in ``import.lua`` only."""

from collections.abc import Sequence
from typing import Any, Final
from uuid import uuid4

from parkstream_service.redis import Functions
from redis.asyncio import Redis

from parkstream_eventlog.functions import IMPORT
from parkstream_eventlog.id_index import place_of
from parkstream_eventlog.keys import LogKeys
from parkstream_eventlog.log import DEDUPE_DAYS, digest_of
from parkstream_eventlog.schema import Letters, Schema, is_brief
from parkstream_eventlog.transfer.importer import Batch, NotImportedError, Standing, refusal

TAKEN, ELSEWHERE, ID_KNOWN, FROM_THE_FUTURE, GOES_BACK = range(5)

_PROBLEMS: Final = {
    ID_KNOWN: "its id is that of position {other}",
    FROM_THE_FUTURE: "it was recorded in the future of Redis' clock: set the clocks right",
    GOES_BACK: "it was recorded before the record above",
}
_WRITTEN_TO = (
    "the log was written to while the import ran, at or after position {position}: stop the backends, and import into "
    "an empty log (another mall, PARKSTREAM_MALL, or an emptied Redis)"
)

_OTHER_LOG: Final = (
    "it is of {}, but the mark names the log {}: import that one's file, or make the empty Redis the right log first "
    "(parkstream log adopt --yes, with the backends stopped)"
)


class RedisImport:
    """A ``Target``: the log in *redis*, whose client must not repeat commands by itself (see ``connect``).

    With *only_log_id* it takes lines of that log and no other.
    """

    def __init__(
        self, redis: Redis, keys: LogKeys, schema: Schema, *, dedupe_days: int = DEDUPE_DAYS, only_log_id: str = ""
    ) -> None:
        self._keys = keys
        self.schema = schema
        self._letters = Letters(schema)
        self._dedupe_days = dedupe_days
        self._only_log_id = only_log_id
        self._functions = Functions(redis, IMPORT)
        self._new_id = uuid4().hex
        """For a log that has no id yet, when its lines name none."""

    async def standing(self) -> Standing:
        """See ``Target.standing``; raises ``LibraryMissingError`` when Redis has not got the functions."""
        await self._functions.check()
        async with self._functions.pipeline(transaction=True) as pipeline:
            pipeline.execute_command("HMGET", self._keys.log_meta, "position", "importing")
            pipeline.execute_command("EXISTS", self._keys.log)
            (position, mark), exists = await pipeline.execute()
        return Standing(int(position or 0), (mark or b"").decode(), bool(exists) or int(position or 0) > 0)

    async def take(self, batches: Sequence[Batch]) -> None:
        """See ``Target.take``: all are sent at once, in order, and each fits only behind the one before."""
        for batch in batches:
            if self._only_log_id not in {"", batch.log_id}:
                raise refusal(
                    batch.first_line, batch.first_line, _OTHER_LOG.format(batch.log_id or "no log", self._only_log_id)
                )
        async with self._functions.pipeline(transaction=False) as pipeline:
            for batch in batches:
                pipeline.execute_command(*self._command(batch))
            answers: list[list[int]] = await pipeline.execute()
        for batch, (outcome, *details) in zip(batches, answers, strict=True):
            if outcome != TAKEN:
                raise _refusal(batch, outcome, details)

    async def finish(self, mark: str) -> None:
        """See ``Target.finish``."""
        if not await self._functions.call("import_finish", (self._keys.log, self._keys.log_meta), (mark,)):
            raise NotImportedError(_WRITTEN_TO.format(position=(await self.standing()).position))

    def _command(self, batch: Batch) -> tuple[Any, ...]:
        buckets: dict[tuple[str, int], int] = {}
        groups: dict[tuple[int, str], int] = {}  # Number of a bucket, and category.
        flat: list[Any] = []
        for record, origin in zip(batch.records, batch.origins, strict=True):
            _, type_, _, body, recorded_at_us, published_at_us, traceparent = record
            event_time_us, category = origin or (None, "")
            day, field = place_of(record, self._letters[type_], event_time_us)
            key_of = self._keys.log_ids_brief if is_brief(self.schema, type_) else self._keys.log_ids
            bucket = buckets.setdefault((key_of(day), day), len(buckets) + 1)
            group = groups.setdefault((bucket, category), len(groups) + 1)
            published = "" if published_at_us is None else published_at_us
            flat += (group, field, type_, body, digest_of(body), recorded_at_us, published, traceparent or "")
        numbered = [half for group in groups for half in group]
        marks = (
            batch.log_id or self._new_id,
            batch.records[0].position,
            batch.mark_before,
            batch.mark,
            self._dedupe_days,
        )
        keys = (self._keys.log, self._keys.log_meta, *(key for key, _ in buckets))
        days = [day for _, day in buckets]
        return self._functions.command("import", keys, (*marks, *days, len(groups), *numbered, *flat))


def _refusal(batch: Batch, outcome: int, details: list[int]) -> NotImportedError:
    position, *others = details
    if outcome == ELSEWHERE:
        return NotImportedError(_WRITTEN_TO.format(position=position))
    line = batch.first_line + position - batch.records[0].position
    return refusal(line, batch.first_line, _PROBLEMS[outcome].format(other=others[0] if others else 0))
