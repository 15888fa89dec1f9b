"""Errors as RFC 9457 problems that say what is wrong, where, and when to come again."""

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, Final, NamedTuple, TypeAlias, cast

import msgspec
from litestar import Request, Response
from litestar.exceptions import HTTPException, ValidationException
from litestar.openapi.datastructures import ResponseSpec

from parkstream_service.access import Role
from parkstream_service.redis.errors import is_transient
from parkstream_service.refusals import STATUSES, Refusal

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
    """How one of a service's own errors is answered."""

    type: str
    title: str
    status: HTTPStatus
    field: str | None = None
    retry_after_seconds: int | None = None


class WrongFieldError(Exception):
    """A *field* of the query cannot be taken, and *detail* says what it takes."""

    def __init__(self, *, field: str, detail: str) -> None:
        super().__init__(detail)
        self.field = field


class RefusedError(HTTPException):
    """A request is refused because of who sends it, or as what: *why* is counted."""

    def __init__(self, why: Refusal, detail: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(detail=detail, status_code=STATUSES[why], headers=headers)
        self.why = why


TOO_LARGE: Final = "parkstream_too_large"
"""In the scope of a request whose body was counted as too large."""
WRONG_FIELD: Final = Kind("wrong-field", "Wrong field", HTTPStatus.BAD_REQUEST)
REDIS_AWAY: Final = Kind("redis-away", "Redis away", HTTPStatus.SERVICE_UNAVAILABLE, retry_after_seconds=1)


def problem(description: str) -> ResponseSpec:
    """Return how the API document describes a problem."""
    return ResponseSpec(Problem, generate_examples=False, description=description, media_type=MEDIA_TYPE)


def refusals(role: Role) -> dict[int, ResponseSpec]:
    """Return how the API document describes who is not let in to what *role* opens."""
    return {
        401: problem("The bearer token is missing or wrong."),
        403: problem(f"The caller has not the role `{role}`, or the request comes from another site."),
    }


def handlers(
    kinds: Mapping[type[Exception], Kind], report: Callable[[Exception], None], refused: Callable[[Refusal], None]
) -> Handlers:
    """Return what answers every error; *report* hears of those that nobody foresaw, *refused* of who is turned away."""
    kinds = {WrongFieldError: WRONG_FIELD, **kinds}

    def own(request: Asked, error: Exception) -> Response[bytes]:
        if isinstance(error, HTTPException):
            count(request, error)
        return _answer_of(kinds[type(error)], error)

    def count(request: Asked, error: HTTPException) -> None:
        if isinstance(error, RefusedError):
            refused(error.why)
        elif error.status_code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            cast("dict[str, Any]", request.scope)[TOO_LARGE] = True
            refused(Refusal.BODY_SIZE)

    def framework(request: Asked, error: HTTPException) -> Response[bytes]:
        count(request, error)
        return _framework_error(error)

    def unforeseen(_: Asked, error: Exception) -> Response[bytes]:
        if is_transient(error):
            return _answer_of(REDIS_AWAY, f"Redis cannot be asked now ({type(error).__name__})")
        report(error)
        return _answer(titled(HTTPStatus.INTERNAL_SERVER_ERROR, "see the log of the service"))

    return {Exception: unforeseen, HTTPException: framework, **dict.fromkeys(kinds, own)}


def _answer_of(kind: Kind, error: Exception | str) -> Response[bytes]:
    field = error.field if isinstance(error, WrongFieldError) else kind.field
    found = Problem(
        type=f"urn:parkstream:{kind.type}",
        title=kind.title,
        status=kind.status,
        detail=str(error),
        errors=[FieldError(field, str(error))] if field else [],
    )
    again = kind.retry_after_seconds
    return _answer(found, {} if again is None else {"Retry-After": str(again)})


def _framework_error(error: HTTPException) -> Response[bytes]:
    """Tell what Litestar found: a bad query parameter, no such path, no token, a body too large."""
    errors: list[FieldError] = []
    if isinstance(error, ValidationException) and isinstance(error.extra, list):
        errors = [FieldError(str(found.get("key", "")), str(found.get("message", ""))) for found in error.extra]
    return _answer(titled(HTTPStatus(error.status_code), error.detail, errors), error.headers)


def titled(status: HTTPStatus, detail: str, errors: list[FieldError] | None = None) -> Problem:
    """Return a problem that is no other than its *status* says."""
    return Problem(type="about:blank", title=status.phrase, status=status, detail=detail, errors=errors or [])


def _answer(found: Problem, headers: dict[str, str] | None = None) -> Response[bytes]:
    body = msgspec.json.encode(found)
    return Response(body, media_type=MEDIA_TYPE, status_code=found.status, headers=headers)
