"""What stays when everything else of the demo is gone: the summary file and the spans."""

import shutil
from pathlib import Path

from parkstream_telemetry.kept_spans import older_half

from parkstream_cli.demo_folder import SPANS_FILE, own_place


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
