"""Errors that nobody catches, as a process prints them before it ends."""

import sys
import threading
from typing import Any

from parkstream_service.explanation import explanation


def print_without_quotes() -> None:
    """Let errors that nobody catches be printed by this process without what they quote: a plate, or a password."""

    def printed(kind: type[BaseException], error: BaseException | None, trace: Any) -> None:  # noqa: ANN401
        if error is None or isinstance(error, KeyboardInterrupt):
            sys.__excepthook__(kind, error or kind(), trace)
        else:
            sys.stderr.write(explanation(error, with_stack=True)["exception.stacktrace"] + "\n")

    sys.excepthook = printed
    threading.excepthook = lambda one: printed(one.exc_type, one.exc_value, one.exc_traceback)
    sys.unraisablehook = lambda one: printed(one.exc_type, one.exc_value, one.exc_traceback)
