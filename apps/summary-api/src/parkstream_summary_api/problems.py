"""Errors as RFC 9457 problems that say what is wrong, where, and when to come again."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Final, NamedTuple, TypeAlias

import msgspec
from litestar import Request, Response
from litestar.exceptions import HTTPException, ValidationException

from parkstream_summary_api.bodies import MalformedError, TooManyItemsError
from parkstream_summary_api.group_commit import OverloadedError
from parkstream_summary_api.index import IndexAwayError, IndexBehindError
from parkstream_summary_api.reader import BadFilterError, UnknownVisitError
from parkstream_summary_api.summary_file import DiskFullError

MEDIA_TYPE: Final = "application/problem+json"
Asked: TypeAlias = Request[Any, Any, Any]
Handlers: TypeAlias = dict[int | type[Exception], Callable[[Asked, Any], Response[bytes]]]


class FieldError(msgspec.Struct, frozen=True):
    """What is wrong with one field: of the body (``$…``) or of the query."""

    field: str
    detail: str


class Problem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A problem (RFC 9457); ``type`` is for machines, ``errors`` names the fields that it is about."""

    type: str
    title: str
    status: int
    detail: str
    errors: list[FieldError] = []


class Kind(NamedTuple):
    """How one of our errors is told."""

    type: str
    title: str
    status: HTTPStatus
    field: str | None = None
    retry_after_seconds: int | None = None


KINDS: Final[dict[type[Exception], Kind]] = {
    BadFilterError: Kind("bad-filter", "Bad filter", HTTPStatus.BAD_REQUEST),
    DiskFullError: Kind("disk-full", "Disk full", HTTPStatus.INSUFFICIENT_STORAGE, retry_after_seconds=2),
    IndexAwayError: Kind("index-away", "Index away", HTTPStatus.SERVICE_UNAVAILABLE, retry_after_seconds=1),
    IndexBehindError: Kind("index-behind", "Index behind", HTTPStatus.SERVICE_UNAVAILABLE, retry_after_seconds=1),
    MalformedError: Kind("malformed-json", "Malformed JSON", HTTPStatus.BAD_REQUEST, field="$"),
    OverloadedError: Kind("overloaded", "Overloaded", HTTPStatus.SERVICE_UNAVAILABLE, retry_after_seconds=1),
    TooManyItemsError: Kind("too-many", "Too many summaries", HTTPStatus.REQUEST_ENTITY_TOO_LARGE, field="$"),
    UnknownVisitError: Kind("unknown-visit", "Unknown visit", HTTPStatus.NOT_FOUND),
}


def handlers(report: Callable[[Exception], None]) -> Handlers:
    """Return what answers every error; *report* hears of those that nobody foresaw."""

    def unforeseen(_: Asked, error: Exception) -> Response[bytes]:
        report(error)
        return _answer(_titled(HTTPStatus.INTERNAL_SERVER_ERROR, "see the log of summary-api"))

    return {Exception: unforeseen, HTTPException: _framework_error, **dict.fromkeys(KINDS, _own_error)}


def _own_error(_: Asked, error: Exception) -> Response[bytes]:
    kind = KINDS[type(error)]
    field = error.field if isinstance(error, BadFilterError) else kind.field
    problem = Problem(
        type=f"urn:parkstream:{kind.type}",
        title=kind.title,
        status=kind.status,
        detail=str(error),
        errors=[FieldError(field, str(error))] if field else [],
    )
    again = kind.retry_after_seconds
    return _answer(problem, {} if again is None else {"Retry-After": str(again)})


def _framework_error(_: Asked, error: HTTPException) -> Response[bytes]:
    """Tell what Litestar found: a bad query parameter, no such path, no token, a body too large."""
    errors: list[FieldError] = []
    if isinstance(error, ValidationException) and isinstance(error.extra, list):
        errors = [FieldError(str(found.get("key", "")), str(found.get("message", ""))) for found in error.extra]
    return _answer(_titled(HTTPStatus(error.status_code), error.detail, errors), error.headers)


def _titled(status: HTTPStatus, detail: str, errors: list[FieldError] | None = None) -> Problem:
    return Problem(type="about:blank", title=status.phrase, status=status, detail=detail, errors=errors or [])


def _answer(problem: Problem, headers: dict[str, str] | None = None) -> Response[bytes]:
    body = msgspec.json.encode(problem)
    return Response(body, media_type=MEDIA_TYPE, status_code=problem.status, headers=headers)
