"""What may be wrong with a backup or with the place that it goes to."""

from pathlib import Path

from parkstream_eventlog import EventLogError


class BackupError(EventLogError):
    """A backup cannot be taken or restored; the text says why, and what to do. Nothing was overwritten."""


class NotHereError(BackupError):
    """Redis' files are not on this machine, or not in *folder*."""

    def __init__(self, folder: Path, why: str) -> None:
        super().__init__(
            f"{folder}: {why}. The files of Redis must be readable here: run this where Redis runs, or say where its "
            "data folder is on this machine (--redis-dir or PARKSTREAM_REDIS_DIR)"
        )


class OccupiedError(BackupError):
    """*target* holds something else than the backup does."""

    def __init__(self, target: Path, what: str) -> None:
        super().__init__(
            f"{target} holds {what}: look at it first (parkstream doctor); --force moves it aside and restores"
        )
