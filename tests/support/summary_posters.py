"""Posts summaries from several threads until each is acknowledged, whatever happens to the server meanwhile."""

import json
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPException
from itertools import count
from pathlib import Path

from parkstream_events.summaries import SummaryItem
from summary_client import Client, eventually
from summary_items import body, item, lines_of

THREADS = 4
BATCH_MAX = 20
PAUSE_SECONDS = 0.02


class Posters:
    """Several clients of the server on *port*; ``acknowledged`` are the keys that it promised to keep."""

    def __init__(self, port: int) -> None:
        self._client = Client(port)
        self._numbers = count(1)
        self._ending = threading.Event()
        self._chance = random.Random(7)
        self.acknowledged: list[tuple[str, int]] = []
        self.statuses: Counter[str] = Counter()
        self.refused: Counter[int] = Counter()

    @contextmanager
    def running(self) -> Iterator["Posters"]:
        """Post until the block ends; what was begun is finished then."""
        threads = [threading.Thread(target=self._work, daemon=True) for _ in range(THREADS)]
        for thread in threads:
            thread.start()
        try:
            yield self
        finally:
            self._ending.set()
            for thread in threads:
                thread.join(240)
                assert not thread.is_alive()

    def wait_for(self, more: int) -> None:
        """Return when *more* summaries were acknowledged than now."""
        enough = len(self.acknowledged) + more
        eventually(lambda: len(self.acknowledged) >= enough)

    def check(self, file: Path) -> None:
        """Fail unless *file* holds each acknowledged summary once, no other twice, and whole lines only."""
        kept = Counter((line["visit_id"], line["revision"]) for line in lines_of(file.read_bytes()))
        assert [key for key, times in kept.items() if times > 1] == []
        assert [key for key in self.acknowledged if key not in kept] == []
        assert set(self.statuses) <= {"written", "duplicate"}

    def _work(self) -> None:
        while not self._ending.is_set():
            items = [item(next(self._numbers)) for _ in range(self._chance.randint(1, BATCH_MAX))]
            while not self._posted(items):
                time.sleep(PAUSE_SECONDS)

    def _posted(self, items: list[SummaryItem]) -> bool:
        try:
            answer = self._client.ask("/v1/summaries", body(*items))
        except (OSError, HTTPException):
            self.refused[0] += 1
            return False
        if answer.status != 200:
            assert answer.status in {503, 507}, answer
            self.refused[answer.status] += 1
            return False
        self.statuses.update(result["status"] for result in json.loads(answer.content)["results"])
        self.acknowledged += [(one.visit_id, one.revision) for one in items]
        return True
