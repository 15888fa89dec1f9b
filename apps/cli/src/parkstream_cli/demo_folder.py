"""Where what a demo leaves lies: a folder of the user's own below the system's temporary one."""

import os
import tempfile
from pathlib import Path
from typing import Final

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
    """Return where that folder usually is."""
    return Path(tempfile.gettempdir()) / f"parkstream-demo-{os.getuid()}"
