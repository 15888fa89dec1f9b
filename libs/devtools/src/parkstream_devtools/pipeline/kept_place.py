"""The folder in which something of a demo stays: made for its user alone, or refused."""

import os
import stat
import tempfile
from pathlib import Path

from parkstream_devtools.private_files import is_private


class PlaceError(Exception):
    """The folder that shall be kept is none that can be."""

    def __init__(self, folder: Path, why: str) -> None:
        super().__init__(f"{folder} {why}, so name another folder")


def make_place(folder: Path) -> None:
    """Make *folder*, for its user alone, or raise ``PlaceError`` when it is not empty, or others may write there."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise PlaceError(folder, f"cannot be made ({error.strerror})") from error
    found = folder.stat()
    if found.st_uid != os.getuid() or found.st_mode & stat.S_IWOTH:
        raise PlaceError(folder, "is another's, or others may write there")
    if any(folder.iterdir()):
        raise PlaceError(folder, "is not empty: an account needs a fresh start")


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


def usual_place() -> Path:
    """Return where that folder usually is: below the system's temporary one."""
    return Path(tempfile.gettempdir()) / f"parkstream-demo-{os.getuid()}"
