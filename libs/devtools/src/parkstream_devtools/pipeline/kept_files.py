"""What stays of a demo when everything else is gone: the summary file and the spans."""

import os
import shutil
from pathlib import Path
from typing import Final

from parkstream_telemetry.kept_spans import older_half

from parkstream_devtools.pipeline.kept_place import usual_place
from parkstream_devtools.private_files import is_private

SPANS_FILE: Final = "spans.jsonl"


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
