"""Structured log lines, JSON or for people, with the ids of the span they belong to."""

import logging
import re
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from io import StringIO
from time import time_ns
from typing import Any, Literal, TextIO

import msgspec
import structlog
from msgspec import Struct
from opentelemetry.trace import SpanContext
from parkstream_service.explanation import OURS, WITHHELD, explanation, words_of
from structlog.typing import EventDict, Processor

from parkstream_telemetry import names
from parkstream_telemetry.kinds import Event, Level
from parkstream_telemetry.metrics import UnlistedError

TRANSPORTS = frozenset({"aio_pika", "aiormq", "asyncio", "granian", "grpc", "httpx", "redis", "uvicorn"})
"""Loggers of what carries bytes without reading them; any other could quote a message, a plate or a variable."""
_ARGUMENTS = re.compile(r"\((?!\)).*")
"""Of a callback that asyncio names: it shows what that was given."""
LogFormat = Literal["json", "pretty"]


class Line(Struct, frozen=True):
    """One event that happened; *attributes* by their full names, *fields* by their arguments."""

    event: Event
    level: Level
    at_ns: int
    span: SpanContext | None
    attributes: Mapping[str, Any]
    fields: Mapping[str, Any]


class Logs:
    """Writes each event as a line, and hands it to *onward* when logs are exported."""

    def __init__(self, service: str, log_format: LogFormat, *, strict: bool, out: TextIO | None = None) -> None:
        self.onward: Callable[[Line], None] | None = None
        self._strict = strict
        self._logger: Any = structlog.wrap_logger(
            structlog.WriteLogger(out or _Stdout()),
            processors=[
                structlog.processors.add_log_level,
                structlog.processors.TimeStamper(fmt="iso", utc=True),
                _in_order,
                _renderer(log_format),
            ],
            wrapper_class=structlog.make_filtering_bound_logger(logging.DEBUG),
            service=service,
        )

    def log(
        self,
        event: Event,
        attributes: Mapping[str, Any],
        *,
        span: SpanContext | None = None,
        error: BaseException | None = None,
        level: Level | None = None,
    ) -> None:
        """Write that *event* happened."""
        full, fields = self._checked(event, attributes)
        if error is not None:
            explained = explanation(error, with_stack=event.level == "error")
            full |= explained
            fields |= {"error": explained["exception.type"], "error_message": explained["exception.message"]}
            if "exception.stacktrace" in explained:
                fields["stacktrace"] = explained["exception.stacktrace"]
        line = Line(event, level or event.level, time_ns(), span, full, fields)
        self._write(line)
        if self.onward is not None and event.exported:
            self.onward(line)

    def _write(self, line: Line) -> None:
        span = line.span
        ids = {} if span is None else {"trace_id": f"{span.trace_id:032x}", "span_id": f"{span.span_id:016x}"}
        with suppress(OSError, ValueError):  # Nobody reads stdout any more: no reason to stop working.
            getattr(self._logger, line.level)(line.event.name, **ids, **line.fields)

    def _checked(self, event: Event, attributes: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        listed = {attribute.keyword: attribute.name for attribute in event.attributes}
        unlisted = attributes.keys() - listed.keys()
        if unlisted and self._strict:
            message = f"{event.name} has no {sorted(unlisted)}"
            raise UnlistedError(message)
        fields = {keyword: value for keyword, value in attributes.items() if keyword in listed}
        return {listed[keyword]: value for keyword, value in fields.items()}, fields


class _Stdout(StringIO):
    """Whatever ``sys.stdout`` is by then."""

    def write(self, text: str, /) -> int:
        return sys.stdout.write(text)

    def flush(self) -> None:
        sys.stdout.flush()


class Captured(logging.Handler):
    """Brings what libraries log into our lines."""

    def __init__(self, logs: Logs) -> None:
        super().__init__(logging.WARNING)
        self._logs = logs

    def emit(self, record: logging.LogRecord) -> None:
        """Log what a library logged, at its level."""
        error = record.exc_info[1] if record.exc_info else None
        level: Level = "error" if record.levelno >= logging.ERROR else "warning"
        fields = {"logger": record.name, "message": _reported(record)}
        self._logs.log(names.EVENT_LIBRARY, fields, error=error, level=level)


def _reported(record: logging.LogRecord) -> str:
    """Return the first line of what a library logged; of one that sees messages, without what it filled in."""
    package, text = record.name.partition(".")[0], str(record.msg)
    if package in TRANSPORTS and isinstance(record.args, tuple):
        with suppress(TypeError, ValueError):  # It does not fit: as it is then.
            text = text % tuple(map(_shown, record.args))
    elif not record.args and package not in TRANSPORTS and not package.startswith(OURS):
        return f"at {record.filename}:{record.lineno} {WITHHELD}"  # It may be filled in already.
    first = text.partition("\n")[0]
    return _ARGUMENTS.sub("(…)", first) if package == "asyncio" else first


class _Unquoted(str):
    """What stands for something, not the text itself."""

    __slots__ = ()
    __repr__ = str.__str__


def _shown(argument: object) -> object:
    """Return what may be read of *argument*: even who only carries bytes fills in whole messages."""
    if isinstance(argument, BaseException):
        return _Unquoted(words_of(argument))
    return argument if isinstance(argument, str | int | float) else _Unquoted(type(argument).__name__)


def _in_order(_: object, __: str, line: EventDict) -> EventDict:
    """Put first what every line has."""
    return {name: line.pop(name) for name in ("timestamp", "level", "event", "service")} | dict(line)


def _renderer(log_format: LogFormat) -> Processor:
    if log_format == "pretty":
        return structlog.dev.ConsoleRenderer(colors=sys.stdout.isatty())
    return structlog.processors.JSONRenderer(serializer=_json)


def _json(line: EventDict, **_: object) -> str:
    return msgspec.json.encode(line, enc_hook=str).decode()
