"""What stays of a demo when everything else is gone: the summary file and the spans."""

import os
import shutil
import tempfile
from pathlib import Path
from typing import Final

from parkstream_telemetry.kept_spans import older_half

SPANS_FILE: Final = "spans.jsonl"


def own_place() -> Path:
    """Return the folder of the user who asks, made if need be; a new one when the usual one is somebody else's."""
    place = usual_place()
    place.mkdir(mode=0o700, exist_ok=True)
    found = place.lstat()
    if place.is_symlink() or found.st_uid != os.getuid():  # Somebody else made it: stay away from it.
        return Path(tempfile.mkdtemp(prefix="parkstream-demo-"))
    return place


def usual_place() -> Path:
    """Return where that folder usually is: below the system's temporary one."""
    return Path(tempfile.gettempdir()) / f"parkstream-demo-{os.getuid()}"


def kept(summary_file: Path, folder: Path | None) -> Path:
    """Return where *summary_file* stays: in *folder* if one was asked for, else copied to the user's place for it.

    That place holds the file of the last demo only.
    """
    if folder is not None:
        return summary_file
    return Path(shutil.copyfile(summary_file, own_place() / summary_file.name))


def keep_spans(spans_file: Path, folder: Path | None) -> None:
    """Let ``parkstream trace`` find *spans_file*: moved to the user's place, or linked from there when it stays."""
    place = own_place()
    for was in [place / SPANS_FILE, older_half(place / SPANS_FILE)]:
        was.unlink(missing_ok=True)
    for half in [spans_file, older_half(spans_file)]:
        if not half.exists():
            continue
        if folder is None:
            shutil.move(half, place / half.name)
        else:
            (place / half.name).symlink_to(half.absolute())
