"""Just enough HTTP: exact paths, a parameter at the end of one, a token, problems as RFC 9457 wants them."""

import hmac
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Any, NamedTuple
from urllib.parse import parse_qs, unquote

import msgspec
from faststream.asgi.types import Receive, Scope, Send
from parkstream_service.redis import is_transient

JSON = "application/json"
PROBLEM = "application/problem+json"


class Request(NamedTuple):
    """What a handler is told."""

    parameter: str
    query: Mapping[str, str]


class Response(NamedTuple):
    """What a handler answers."""

    body: bytes
    status: int = HTTPStatus.OK
    content_type: str = JSON
    headers: Mapping[str, str] = {}


class ProblemError(Exception):
    """An answer other than the one asked for."""

    def __init__(self, status: HTTPStatus, detail: str, **headers: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = headers


Handler = Callable[[Request], Awaitable[Response]]


class Route(NamedTuple):
    """What answers *method* on *path*, or on anything in *path* when that ends with a slash; GET answers HEAD, too."""

    path: str
    handler: Handler
    guarded: bool = False
    """Whether the bearer token is asked for."""
    method: str = "GET"


class Router:
    """Answers on *routes*; *token* guards those that say so."""

    def __init__(self, routes: list[Route], token: str | None) -> None:
        self._routes = routes
        self._token = token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI's signature
        """Answer one request."""
        try:
            response = await self._answer(scope)
        except ProblemError as problem:
            response = _problem(problem)
        except Exception as error:
            if not is_transient(error):
                raise
            response = _problem(_away(error))
        await _send(response, send, with_body=scope["method"] != "HEAD")

    async def _answer(self, scope: Scope) -> Response:
        path = scope["path"]
        route, parameter = self._find(path)
        allowed = ("GET", "HEAD") if route.method == "GET" else (route.method,)
        if scope["method"] not in allowed:
            detail = f"{path} takes {' and '.join(allowed)}."
            raise ProblemError(HTTPStatus.METHOD_NOT_ALLOWED, detail, Allow=", ".join(allowed))
        if route.guarded:
            self._check(scope)
        query = {
            name: values[-1] for name, values in parse_qs(scope.get("query_string", b"").decode("latin-1")).items()
        }
        return await route.handler(Request(parameter, query))

    def _find(self, path: str) -> tuple[Route, str]:
        for route in self._routes:
            if path == route.path:
                return route, ""
            if route.path.endswith("/") and path.startswith(route.path) and "/" not in path[len(route.path) :]:
                return route, unquote(path[len(route.path) :])
        raise ProblemError(HTTPStatus.NOT_FOUND, f"There is nothing at {path}.")

    def _check(self, scope: Scope) -> None:
        if self._token is None:
            return
        given = dict(scope["headers"]).get(b"authorization", b"")
        if not hmac.compare_digest(given, f"Bearer {self._token}".encode()):
            challenge = {"WWW-Authenticate": "Bearer"}
            raise ProblemError(HTTPStatus.UNAUTHORIZED, "Send the header Authorization: Bearer <token>.", **challenge)


def answer(value: Any, status: int = HTTPStatus.OK) -> Response:  # noqa: ANN401 - whatever JSON can say
    """Return *value* as JSON."""
    return Response(msgspec.json.encode(value), status)


def _away(error: Exception) -> ProblemError:
    detail = f"Redis cannot be asked now ({type(error).__name__}); ask again in a moment."
    return ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, detail, **{"Retry-After": "1"})


def _problem(problem: ProblemError) -> Response:
    body = {
        "type": "about:blank",
        "title": problem.status.phrase,
        "status": problem.status.value,
        "detail": problem.detail,
    }
    return Response(msgspec.json.encode(body), problem.status, PROBLEM, problem.headers)


async def _send(response: Response, send: Send, *, with_body: bool) -> None:
    headers = {"content-type": response.content_type, "content-length": str(len(response.body)), **response.headers}
    await send(
        {
            "type": "http.response.start",
            "status": int(response.status),
            "headers": [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()],
        }
    )
    await send({"type": "http.response.body", "body": response.body if with_body else b""})
