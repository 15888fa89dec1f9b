"""The log folded again, fast: another process reads, decodes and hashes, this one folds.

Reading order: source (which log), frames (what both processes say to each other), worker (the other process),
worker_process (how this one talks to it), replica (the fold), check (in memory, against what Redis holds),
rebuilder (into another version).
"""

from parkstream_projection.replay.changes import Rebuilt
from parkstream_projection.replay.check import Checked, Span, check
from parkstream_projection.replay.frames import Batch
from parkstream_projection.replay.rebuilder import DamagedVersionError, Rebuilder
from parkstream_projection.replay.source import Source
from parkstream_projection.replay.worker_process import ReadingError

__all__ = ["Batch", "Checked", "DamagedVersionError", "ReadingError", "Rebuilder", "Rebuilt", "Source", "Span", "check"]
