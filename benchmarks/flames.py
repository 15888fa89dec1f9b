"""Flame graphs of running processes, by py-spy."""

import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

RATE_HZ = 200


@contextmanager
def recorded(folder: Path, pids: Mapping[str, list[int]]) -> Iterator[None]:
    """Sample the first process of each name while the block runs; write ``flame-NAME.svg`` into *folder*."""
    folder.mkdir(parents=True, exist_ok=True)
    drawn = {folder / f"flame-{name.replace('+', '-')}.svg": pid[0] for name, pid in pids.items()}
    recorders = [_spy(pid, svg) for svg, pid in drawn.items()]
    try:
        yield
    finally:
        for recorder in recorders:
            recorder.send_signal(signal.SIGINT)
        for recorder in recorders:
            recorder.wait(30)
        for svg in drawn:  # py-spy writes the command that it was called by into the title.
            svg.write_text(svg.read_text(encoding="utf-8").replace(f"{folder}/", ""), encoding="utf-8")


def _spy(pid: int, svg: Path) -> "subprocess.Popen[bytes]":
    command = ["py-spy", "record", "--pid", str(pid), "--rate", str(RATE_HZ), "--duration", "3600", "--nonblocking"]
    return subprocess.Popen([*command, "--output", str(svg)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
