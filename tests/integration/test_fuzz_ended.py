"""A fuzzing that is ended, however, leaves none of its workers."""

import os
import signal
import subprocess
import sys
import uuid

import pytest
from marked_processes import eventually, marked
from the_tree import ROOT

WORKERS = 3
WORDS = ["-m", "fuzzing", "--inputs", "10000000", "--processes", str(WORKERS), "messages"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_its_workers_end_with_it(number: signal.Signals):
    mark = f"FUZZING_{uuid.uuid4().hex}"
    with subprocess.Popen([sys.executable, *WORDS], cwd=ROOT, env=os.environ | {mark: "1"}) as fuzzing:
        assert eventually(lambda: len(marked(mark)) > WORKERS, 120)
        fuzzing.send_signal(number)
        fuzzing.wait()
        assert eventually(lambda: not marked(mark), 120), marked(mark)
