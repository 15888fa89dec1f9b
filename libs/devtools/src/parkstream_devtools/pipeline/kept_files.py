"""What stays of a demo when everything else is gone: the summary file and the spans."""

import os
import shutil
import stat
import tempfile
from pathlib import Path
from typing import Final

from parkstream_telemetry.kept_spans import older_half

SPANS_FILE: Final = "spans.jsonl"


def own_place() -> Path:
    """Return the folder of the user who asks, made if need be; a new one when the usual one is not theirs alone.

    Whoever may write there could have planted links, or may read plates.
    """
    place = usual_place()
    try:
        place.mkdir(mode=0o700)
    except FileExistsError:
        if not is_private(place):
            return Path(tempfile.mkdtemp(prefix="parkstream-demo-"))
    return place


def is_private(place: Path) -> bool:
    """Return whether *place* is a folder, and no link to one, that its owner alone, who asks, may enter."""
    try:
        found = place.lstat()
    except FileNotFoundError:
        return False
    others = stat.S_IRWXG | stat.S_IRWXO
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & others


def usual_place() -> Path:
    """Return where that folder usually is: below the system's temporary one."""
    return Path(tempfile.gettempdir()) / f"parkstream-demo-{os.getuid()}"


def kept(summary_file: Path, place: Path | None) -> Path:
    """Return where *summary_file* stays: where it is, or copied to *place*, which holds the last demo's only."""
    if place is None:
        return summary_file
    copy = place / summary_file.name
    copy.unlink(missing_ok=True)  # Never through a link.
    return Path(shutil.copyfile(summary_file, copy))


def keep_spans(spans_file: Path, place: Path, *, moved: bool) -> None:
    """Let ``parkstream trace`` find *spans_file* in *place*: *moved* there, or linked from there when it stays."""
    for was in [place / SPANS_FILE, older_half(place / SPANS_FILE)]:
        was.unlink(missing_ok=True)
    for half in [spans_file, older_half(spans_file)]:
        if not half.exists():
            continue
        if moved:
            shutil.move(half, place / half.name)
        else:
            (place / half.name).symlink_to(half.absolute())


def kept_spans_file() -> Path:
    """Return where the spans of the last demo are; raise ``PermissionError`` when others may have put them there."""
    place = usual_place()
    if os.path.lexists(place) and not is_private(place):
        message = f"{place} is not yours alone (mode 0700, no link): delete it, or name a file with --spans"
        raise PermissionError(message)
    return place / SPANS_FILE
