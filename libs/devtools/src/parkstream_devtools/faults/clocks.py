"""Wall clocks that step: of one process, or of all that share a machine.

libfaketime (Debian's package ``faketime``) is preloaded into a process and reads the offset from a file each time that
it is asked. CLOCK_MONOTONIC and CLOCK_BOOTTIME go on as they are, as after a step by NTP or by hand. Its limits: a
program that is linked statically, or asks the kernel without libc, sees the true time.
"""

import os
from pathlib import Path
from typing import Final

from parkstream_devtools.faults.fault import Fault

MALLOC: Final = "libc.so.6"
"""Preloaded too, so that memory comes from libc: jemalloc, which Redis uses, asks for the time before all is set up."""
LIBRARIES: Final = ("/usr/lib/*/faketime/libfaketime.so.1", "/usr/lib*/faketime/libfaketime.so.1")


class NoFaketimeError(Exception):
    """libfaketime is not installed."""

    def __init__(self) -> None:
        super().__init__("libfaketime is missing: apt-get install faketime")


class Clock:
    """The wall clock of a machine, for every process that is started with ``environ``; its offset lies in *file*."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.set(0.0)

    @property
    def environ(self) -> dict[str, str]:
        """What a process is started with beside its own environment; raises ``NoFaketimeError``."""
        return {
            "LD_PRELOAD": f"{library()}:{MALLOC}",
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "FAKETIME_DONT_RESET": "1",
        }

    def set(self, offset_seconds: float) -> None:
        """Let the clock be *offset_seconds* ahead of the true time, from the next question on."""
        fresh = self._file.with_suffix(".fresh")
        fresh.write_text(f"{offset_seconds:+.6f}\n")
        fresh.replace(self._file)


class ClockStepped(Fault):
    """*clocks* are *offset_seconds* ahead (or behind, when negative); healing steps them back to the true time."""

    kind = "clock-stepped"

    def __init__(self, *clocks: Clock, offset_seconds: float) -> None:
        self._clocks = clocks
        self._offset_seconds = offset_seconds

    def inject(self) -> None:
        """See ``Fault.inject``."""
        for clock in self._clocks:
            clock.set(self._offset_seconds)

    def heal(self) -> None:
        """See ``Fault.heal``."""
        for clock in self._clocks:
            clock.set(0.0)


def library() -> Path:
    """Return the library to preload; raise ``NoFaketimeError`` when there is none."""
    for pattern in LIBRARIES:
        for path in sorted(Path("/").glob(pattern.removeprefix("/"))):
            if os.access(path, os.R_OK):
                return path
    raise NoFaketimeError
