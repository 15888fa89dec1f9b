from typing import Any

import msgspec
import pytest
from parkstream_backend.http import Request, Response, Route, Router, answer
from redis.exceptions import ConnectionError as RedisConnectionError


async def hello(request: Request) -> Response:
    return answer({"parameter": request.parameter, "query": dict(request.query)})


async def away(_: Request) -> Response:
    raise RedisConnectionError


ROUTES = [
    Route("/away", away),
    Route("/v1/do", hello, guarded=True, method="POST"),
    Route("/open", hello),
    Route("/v1/guarded", hello, guarded=True),
    Route("/v1/visits/", hello, guarded=True),
]


async def get(
    path: str, method: str = "GET", token: str | None = "secret", **headers: str
) -> tuple[int, dict[str, str], Any]:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        raise AssertionError

    path, _, query = path.partition("?")
    scope = {
        "type": "http",
        "path": path,
        "method": method,
        "query_string": query.encode(),
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
    }
    await Router(ROUTES, token)(scope, receive, send)
    start, body = sent
    told = {name.decode(): value.decode() for name, value in start["headers"]}
    return start["status"], told, msgspec.json.decode(body["body"]) if body["body"] else None


async def test_an_open_path_needs_no_token():
    status, headers, body = await get("/open?a=1&b=2")
    assert (status, headers["content-type"], body) == (
        200,
        "application/json",
        {"parameter": "", "query": {"a": "1", "b": "2"}},
    )


async def test_a_path_with_a_parameter():
    status, _, body = await get("/v1/visits/AB%2012", token=None)
    assert (status, body["parameter"]) == (200, "AB 12")


@pytest.mark.parametrize("given", [{}, {"authorization": "Bearer wrong"}, {"authorization": "secret"}])
async def test_a_guarded_path_asks_for_the_token(given: dict[str, str]):
    status, headers, body = await get("/v1/guarded", **given)
    assert (status, headers["www-authenticate"], headers["content-type"]) == (401, "Bearer", "application/problem+json")
    assert body["title"] == "Unauthorized"


async def test_the_right_token_opens():
    status, _, _ = await get("/v1/guarded", authorization="Bearer secret")
    assert status == 200


async def test_without_a_configured_token_everything_is_open():
    status, _, _ = await get("/v1/guarded", token=None)
    assert status == 200


async def test_an_unknown_path_is_a_problem():
    for path in ("/", "/v1/visits/a/b", "/open/"):
        status, _, body = await get(path)
        assert (status, body["status"], body["title"]) == (404, 404, "Not Found")


async def test_what_is_done_takes_a_post():
    status, _, body = await get("/v1/do?id=1", method="POST", authorization="Bearer secret")
    assert (status, body["query"]) == (200, {"id": "1"})
    status, headers, _ = await get("/v1/do", authorization="Bearer secret")
    assert (status, headers["allow"]) == (405, "POST")


async def test_a_redis_that_is_away_is_no_error_of_ours():
    status, headers, body = await get("/away")
    assert (status, headers["retry-after"], body["status"]) == (503, "1", 503)


async def test_nothing_can_be_written():
    status, headers, _ = await get("/open", method="POST")
    assert (status, headers["allow"]) == (405, "GET, HEAD")


async def test_head_has_the_headers_of_get_and_no_body():
    _, whole, _ = await get("/open")
    status, headers, body = await get("/open", method="HEAD")
    assert (status, headers, body) == (200, whole, None)
