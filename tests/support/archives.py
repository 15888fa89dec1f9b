"""Archives to test, made without a log; and the log's side of archiving in steps small enough to see."""

from pathlib import Path

from parkstream_eventlog import Record
from parkstream_eventlog.archive import Archive, Archiver, Manifest, Restorer, archiver, manifest, restorer, trimmer
from parkstream_eventlog.archive.index import INDEX_SUFFIX
from parkstream_eventlog.archive.segments import writing

MALL = "mall"
LOG_ID = "the-log"
BODIES = [b'{"id": "1"}', b"", b"\xff\x00\n", "ü\u2028\n\r\x00".encode()]


def record(position: int) -> Record:
    """Return a record; every fourth has a body that is hard to keep."""
    traceparent = None if position % 3 else f"00-{position}"
    return Record(
        position, "vehicle.entered.v1", f"id-{position}", BODIES[position % 4], position * 10, None, traceparent
    )


def records(first: int, last: int) -> list[Record]:
    return [record(position) for position in range(first, last + 1)]


def archive_of(folder: Path, *lasts: int, first: int = 1, mall: str = MALL, log_id: str = LOG_ID) -> Archive:
    """Write an archive of segments that end at *lasts*."""
    segments = []
    for last in lasts:
        with writing(folder, first, last) as writer:
            writer.add(records(first, last))
            segments.append(writer.finish(segments[-1].sha256 if segments else ""))
        first = last + 1
    manifest.save(folder, Manifest(log=mall, log_id=log_id, segments=tuple(segments)))
    return Archive(folder, mall)


def files_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def named_in(archive: Archive) -> set[str]:
    """Return what there must be in the folder of *archive*, and nothing else but indexes."""
    return {manifest.NAME, *(segment.name for segment in archive.manifest.segments)}


def indexes_in(folder: Path) -> set[str]:
    """Return the segments that have an index in *folder*, by their names."""
    return {name.replace(INDEX_SUFFIX, manifest.SUFFIX) for name in files_in(folder) if name.endswith(INDEX_SUFFIX)}


def make_steps_small(setattr_=setattr) -> None:
    """Let a few records take many steps."""
    setattr_(archiver, "SEGMENT_RECORDS", 3)
    setattr_(trimmer, "TRIM_MAX", 2)
    setattr_(restorer, "AT_ONCE", 2)


async def archive_through(store, folder: Path, through: int) -> Archive:
    """Archive the log of *store* as the command does."""
    archive = Archive(folder, store.keys.mall)
    archiver = Archiver(store.redis, store.keys, archive)
    await archiver.run(await archiver.plan(through))
    return archive


async def restore_from(store, folder: Path, first: int | None = None) -> None:
    """Restore the log of *store* as the command does."""
    restorer = Restorer(store.redis, store.keys, Archive(folder, store.keys.mall))
    await restorer.run(await restorer.plan(first))
