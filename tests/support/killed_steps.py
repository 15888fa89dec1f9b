"""Runs ``parkstream`` again and again, each time killed (-9) just before its nth step that the outside could see.

A step is a call to Redis, an fsync, a rename, a removal. Each line on stdin is ``[n, mall, arguments]``; the answer is
the exit code, negative for a signal. Every run is a process of its own, forked from this one to save the imports.
"""

import gc
import json
import os
import signal
import sys
from collections.abc import Callable
from typing import Any

from archives import make_steps_small
from parkstream_cli.app import main
from patience import be_patient
from redis.asyncio import Redis


class Steps:
    """Kills this process when it is about to take step *n*."""

    def __init__(self, n: int) -> None:
        self._left = n

    def before(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def stepping(*args: Any, **more: Any) -> Any:
            if self._left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            self._left -= 1
            return call(*args, **more)

        return stepping


def run(n: int, mall: str, arguments: list[str]) -> None:
    """Be ``parkstream`` until step *n*."""
    os.environ["PARKSTREAM_MALL"] = mall
    steps = Steps(n)
    os.fsync, os.replace, os.unlink = (steps.before(call) for call in (os.fsync, os.replace, os.unlink))
    Redis.execute_command = steps.before(Redis.execute_command)
    make_steps_small()
    sys.argv[1:] = arguments
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    try:
        main()
    except SystemExit as ending:
        os._exit(int(ending.code or 0))  # Taking the interpreter down takes longer than the command.


be_patient()
gc.freeze()
for line in sys.stdin:
    child = os.fork()
    if child == 0:
        run(*json.loads(line))
    _, status = os.waitpid(child, 0)
    sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
    sys.stdout.flush()
