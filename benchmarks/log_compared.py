"""The same fold and the same hashes over records in memory: ``python -m benchmarks.log_compared FILE EVENTS``.

Over plain lists, and over the in-memory recorder of the ``eventsourcing`` library, read as its notification log.
"""

import gc
import json
import sys
import time
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from pathlib import Path
from typing import Final
from uuid import NAMESPACE_URL, uuid5

import msgspec
from eventsourcing.persistence import StoredEvent
from eventsourcing.popo import POPOApplicationRecorder
from parkstream_eventlog import Record
from parkstream_projection import HASH_EVERY, recorded_event_of
from parkstream_projection.state_hash import MODULUS, clock_hash, encode, entity_hash, hash_text
from parkstream_visits import Fold, State

from benchmarks.log_steps import BATCH, records_in

decode_record: Final = msgspec.msgpack.Decoder(Record).decode


def folded(records: Iterable[Record]) -> str:
    """Fold *records* with the product's rules, hashing what was touched at each kept position, and return the hash."""
    state = State()
    fold, hashes, total = Fold(state), dict[str, int](), 0
    for record in records:
        fold.fold(recorded_event_of(record))
        if record.position % HASH_EVERY == 0:
            total += _change(fold, state, hashes)
    total += _change(fold, state, hashes)
    return hash_text((total + clock_hash(encode(state.clock))) % MODULUS)


def _change(fold: Fold, state: State, hashes: dict[str, int]) -> int:
    by = 0
    for timer in state.timers:
        timer.take_changes()
    for name in fold.take_touched():
        by -= hashes.pop(name, 0)
        if name in state.plates:
            hashes[name] = entity_hash(name, encode(state.plates[name]))
            by += hashes[name]
    return by


def recorded(records: Iterable[Record]) -> POPOApplicationRecorder:
    """Return a recorder that holds *records*, each as the next event of one aggregate."""
    recorder, log = POPOApplicationRecorder(), uuid5(NAMESPACE_URL, "log")
    events = (StoredEvent(log, record.position, record.type, msgspec.msgpack.encode(record)) for record in records)
    while batch := list(islice(events, BATCH)):
        recorder.insert_events(batch)
    return recorder


def notified(recorder: POPOApplicationRecorder) -> Iterator[Record]:
    """Yield what *recorder* holds, in pages of its notification log."""
    start = 1
    while page := recorder.select_notifications(start, BATCH):
        for notification in page:
            yield decode_record(notification.state)
        start = page[-1].id + 1


def main(file: str, events: str) -> None:
    """Fold over both and print how long each took."""
    records = list(islice(chain.from_iterable(records_in(Path(file))), int(events)))
    recorder = recorded(records)
    gc.freeze()
    begun = time.perf_counter()
    listed = folded(records)
    between = time.perf_counter()
    library = folded(notified(recorder))
    ended = time.perf_counter()
    seconds = {"lists": between - begun, "eventsourcing": ended - between}
    print(json.dumps({"seconds": seconds, "hash": listed, "hash_equal": listed == library}))


if __name__ == "__main__":
    main(*sys.argv[1:])
