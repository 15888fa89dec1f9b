"""Where the summary file stays when everything else of the demo is gone."""

import os
import shutil
import tempfile
from pathlib import Path


def kept(summary_file: Path, folder: Path | None) -> Path:
    """Return where *summary_file* stays: in *folder* if one was asked for, else copied to the user's place for it.

    That place holds the file of the last demo only.
    """
    if folder is not None:
        return summary_file
    place = _place()
    return Path(shutil.copyfile(summary_file, place / summary_file.name))


def _place() -> Path:
    place = Path(tempfile.gettempdir()) / f"parkstream-demo-{os.getuid()}"
    place.mkdir(mode=0o700, exist_ok=True)
    found = place.lstat()
    if place.is_symlink() or found.st_uid != os.getuid():  # Somebody else made it: stay away from it.
        return Path(tempfile.mkdtemp(prefix="parkstream-demo-"))
    return place
