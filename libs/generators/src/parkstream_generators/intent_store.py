"""The intents and the account of one camera: a crash at any point forgets nothing and counts nothing twice."""

import asyncio
from collections.abc import Sequence
from typing import Final

import msgspec
from parkstream_events.keys import EntryGeneratorKeys, ExitGeneratorKeys

from parkstream_generators.daily_ids import DailyIds
from parkstream_generators.intents import Account, Intent, intent_of, json_text
from parkstream_generators.redis_store import StaleGeneratorError, Store

GATE: Final = "gate:"
"""What the fields of the account begin with that count by gate."""


class IntentStore:
    """Keeps what is meant in Redis until it is confirmed; ``open`` it first. One process per camera may."""

    def __init__(self, store: Store, keys: EntryGeneratorKeys | ExitGeneratorKeys) -> None:
        self._store = store
        self._account = keys.account
        self._intents = keys.intents
        self._keys = [keys.account, keys.intents]
        if isinstance(keys, ExitGeneratorKeys):
            self._keys += [keys.parked, keys.cars, keys.left]
        self._step = 0
        self._one_at_a_time = asyncio.Lock()
        self.daily_ids = DailyIds()
        """The numbers that gates gave as ids."""
        self.made = 0
        """How many numbers of the camera's sequence are used."""
        self.seed = 0
        """What chance depends on: kept, so that a restarted camera goes on as it began."""

    async def open(self, seed: int) -> list[Intent]:
        """Take up where the camera was stopped; return what was meant but not confirmed.

        *seed* counts only the first time.
        """
        self.seed = await self._store.settle_field(self._account, "seed", seed)
        account = await self.account()
        self._step, self.made = account.step, account.made
        self.daily_ids.restore(await self._store.field(self._account, "daily_ids"))
        return [intent_of(text) for text in (await self._store.hash(self._intents)).values()]

    async def intend(
        self,
        intents: Sequence[Intent],
        *,
        made: int | None = None,
        counts: dict[str, int] | None = None,
        leaving: Sequence[str] = (),
        now_us: int = 0,
    ) -> None:
        """Keep *intents*, the numbers up to *made* and *counts*; cars *leaving* are parked no more: all at once."""
        pairs = [(intent.key, json_text(intent)) for intent in intents]
        async with self._one_at_a_time:
            made = self.made if made is None else made
            meant = (json_text(counts or {}), json_text(pairs), json_text(leaving), now_us, self.daily_ids.text())
            try:
                await self._store.call("intend", self._keys, self._step, made, *meant)
            except StaleGeneratorError:
                if (found := (await self.account()).step) >= self._step:
                    raise
                self._step = found  # A replica became the primary before it had the latest steps: they are forgotten.
                await self._store.call("intend", self._keys, self._step, made, *meant)
            self._step += 1
            self.made = made

    async def settle(self, confirmed: Sequence[Intent]) -> None:
        """Count *confirmed* intents, each once, and forget them."""
        settled = [(intent.key, intent.kind, intent.copies - 1, intent.gate) for intent in confirmed]
        await self._store.call("settle", self._keys[:2], json_text(settled))

    async def account(self) -> Account:
        """Return the account as it stands."""
        fields = await self._store.hash(self._account)
        gates = {name.removeprefix(GATE): count for name, count in fields.items() if name.startswith(GATE)}
        return msgspec.convert({**fields, "gates": gates}, Account, strict=False)
