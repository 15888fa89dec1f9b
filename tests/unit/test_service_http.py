"""The HTTP face of every service: health, metrics, problems, the bearer token, the API document."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any

import pytest
from litestar import Request, Router, get, post
from litestar.params import FromQuery
from litestar.testing import AsyncTestClient
from parkstream_service.access import Access, Callers, Role
from parkstream_service.http import HttpFace, Kind, WrongFieldError, bearer_guards, document, http_app, needs
from parkstream_service.refusal_reports import RefusalReports
from parkstream_service.refusals import STATUSES, Refusal
from redis.exceptions import ConnectionError as RedisConnectionError


class UnknownCarError(Exception):
    """An error of the service's own."""


class Service:
    """Says what it is told to."""

    def __init__(self, token: str | None = "secret") -> None:
        self.wrong: dict[str, str] = {"redis": ""}
        self.error: Exception | None = None
        self.reported: list[Exception] = []
        self.warned: list[str] = []
        self.lives: list[str] = []
        self.refused: list[Refusal] = []
        self.token = token

        access = Access(callers=Callers.of_token(token) if token else None)

        @get("/cars", opt=needs(Role.VISITS_READ))
        async def cars(count: FromQuery[int] = 1) -> list[str]:
            if self.error is not None:
                raise self.error
            return ["AB1"] * count

        @get("/closed")
        async def closed() -> None:
            """Names no role."""

        @post("/cars", opt=needs(Role.VISITS_READ))
        async def take(request: Request[Any, Any, Any]) -> None:
            await request.body()

        self.app = http_app(
            HttpFace(
                title="Parkstream test",
                description="A test.",
                access=access,
                routes=[Router("/v1", route_handlers=[cars, closed, take], guards=list(bearer_guards(access.callers)))],
                live=self.look,
                ready=self.look,
                metrics=lambda: b"parking_cars 1\n",
                lifespan=self.life,
                report=self.reported.append,
                warn=self.warned.append,
                refused=self.refused.append,
                kinds={UnknownCarError: Kind("unknown-car", "Unknown car", HTTPStatus.NOT_FOUND, field="car")},
            )
        )

    async def look(self) -> Mapping[str, str]:
        return self.wrong

    @asynccontextmanager
    async def life(self) -> AsyncIterator[None]:
        self.lives.append("started")
        yield
        self.lives.append("stopped")

    async def ask(
        self, path: str, method: str = "GET", token: str | None = None, more: Sequence[tuple[str, str]] = ()
    ) -> Any:
        given = self.token if token is None else token
        async with AsyncTestClient(self.app, base_url="http://127.0.0.1") as client:
            borne = (given if " " in given else f"Bearer {given}") if given else ""
            shown = [("authorization", borne)] if borne else []
            headers = [(name.encode(), value.encode("latin-1")) for name, value in (*shown, *more)]
            return await client.request(method, path, headers=headers)


@pytest.mark.parametrize("path", ["/health/live", "/health/ready"])
async def test_health_has_one_shape_well_or_not(path: str):
    service = Service()
    looked_at = ["redis", "credentials"] if path.endswith("ready") else ["redis"]
    well = await service.ask(path)
    assert (well.status_code, well.json()) == (
        200,
        {"status": "ok", "checks": {name: {"status": "ok", "detail": ""} for name in looked_at}},
    )

    service.wrong["rabbitmq"] = "not connected"
    failing = await service.ask(path)
    assert failing.status_code == 503
    assert failing.json()["status"] == "failing"
    assert failing.json()["checks"] == {name: {"status": "ok", "detail": ""} for name in looked_at} | {
        "rabbitmq": {"status": "failing", "detail": "not connected"},
    }


async def test_metrics_are_prometheus_text():
    answer = await Service().ask("/metrics")
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert answer.text == "parking_cars 1\n"


@pytest.mark.parametrize("given", ["wrong", "Basic secret", "Bearer", "Bearer secretly", "Bearer ä"])
async def test_a_guarded_path_asks_for_the_token(given: str):
    answer = await Service().ask("/v1/cars", token=given if " " in given else f"Bearer {given}")
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == 'Bearer realm="parkstream"'
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["title"] == "Unauthorized"


@pytest.mark.parametrize("given", ["Bearer secret", "bearer secret"])
async def test_the_right_token_opens(given: str):
    assert (await Service().ask("/v1/cars", token=given)).status_code == 200


async def test_a_token_of_any_script_opens_as_its_bytes_are():
    borne = "Bearer " + "geheim-äöü-秘密".encode().decode("latin-1")
    assert (await Service("geheim-äöü-秘密").ask("/v1/cars", token=borne)).status_code == 200


@pytest.mark.parametrize(
    ("token", "more", "path", "why"),
    [
        ("secret", [("host", "evil.example")], "/v1/cars", Refusal.HOST),
        ("secret", [("origin", "http://evil.example")], "/v1/cars", Refusal.ORIGIN),
        ("secret", [("sec-fetch-site", "cross-site")], "/v1/cars", Refusal.SITE),
        ("secret", [("referer", "http://evil.example/")], "/v1/cars", Refusal.SITE),
        ("secret", [("content-length", "2"), ("content-type", "text/plain")], "/v1/cars", Refusal.CONTENT_TYPE),
        ("", [], "/v1/cars", Refusal.NO_CREDENTIAL),
        ("", [("cookie", "authorization=Bearer secret; token=secret")], "/v1/cars?token=secret", Refusal.NO_CREDENTIAL),
        ("Basic c2VjcmV0", [], "/v1/cars", Refusal.WRONG_CREDENTIAL),
        ("Bearer secret, Bearer secret", [], "/v1/cars", Refusal.WRONG_CREDENTIAL),
        ("Bearer\tsecret", [], "/v1/cars", Refusal.WRONG_CREDENTIAL),
        ("Bearer wrong", [], "/metrics", Refusal.WRONG_CREDENTIAL),
        ("Bearer wrong", [("authorization", "Bearer secret")], "/v1/cars", Refusal.WRONG_CREDENTIAL),
        ("Bearer secret", [("authorization", "Bearer wrong")], "/v1/cars", Refusal.WRONG_CREDENTIAL),
        ("secret", [], "/v1/closed", Refusal.ROLE),
    ],
)
async def test_who_is_turned_away_is_counted_with_the_reason(token: str, more: Any, path: str, why: Refusal):
    service = Service()
    answer = await service.ask(path, token=token, more=more)
    assert answer.status_code == STATUSES[why]
    assert service.refused == [why]
    assert "secret" not in answer.text


async def test_a_body_that_is_too_long_is_counted():
    service = Service()
    more = [("content-type", "application/json"), ("content-length", "9999999")]
    assert (await service.ask("/v1/cars", "POST", more=more)).status_code == 413
    assert service.refused == [Refusal.BODY_SIZE]


def test_each_reason_is_reported_at_once_and_then_seldom():
    reported: list[tuple[Refusal, int]] = []
    reports = RefusalReports(lambda why, count: reported.append((why, count)))
    for why in (Refusal.HOST, Refusal.HOST, Refusal.WRONG_CREDENTIAL, Refusal.HOST):
        reports(why)
    assert reported == [(Refusal.HOST, 1), (Refusal.WRONG_CREDENTIAL, 1)]


async def test_without_a_configured_token_everything_is_open_and_ready_and_the_log_say_so():
    service = Service(token=None)
    assert (await service.ask("/v1/cars")).json() == ["AB1"]
    ready = (await service.ask("/health/ready")).json()
    assert (ready["status"], ready["checks"]["credentials"]["status"]) == ("ok", "warning")
    assert "PARKSTREAM_CREDENTIALS_FILE" in ready["checks"]["credentials"]["detail"]
    assert {ready["checks"]["credentials"]["detail"]} == set(service.warned)


@pytest.mark.parametrize(
    ("error", "status", "type_", "field"),
    [
        (UnknownCarError("no such car"), 404, "urn:parkstream:unknown-car", "car"),
        (WrongFieldError(field="cursor", detail="unchanged, please"), 400, "urn:parkstream:wrong-field", "cursor"),
        (RedisConnectionError("lost"), 503, "urn:parkstream:redis-away", None),
    ],
)
async def test_foreseen_errors_are_problems_that_say_what_to_do(
    error: Exception, status: int, type_: str, field: str | None
):
    service = Service()
    service.error = error
    answer = await service.ask("/v1/cars")
    body = answer.json()
    assert (answer.status_code, body["status"], body["type"]) == (status, status, type_)
    assert [each["field"] for each in body.get("errors", [])] == ([field] if field else [])
    assert answer.headers.get("retry-after") == ("1" if status == 503 else None)
    assert service.reported == []


async def test_an_unforeseen_error_is_reported_and_not_told():
    service = Service()
    service.error = ValueError("AB 1234 was here")
    answer = await service.ask("/v1/cars")
    assert (answer.status_code, answer.headers["content-type"]) == (500, "application/problem+json")
    assert "AB" not in answer.text
    assert service.reported == [service.error]


@pytest.mark.parametrize(
    ("path", "method", "status"),
    [("/nothing", "GET", 404), ("/v1/cars", "DELETE", 405), ("/v1/cars?count=x", "GET", 400)],
)
async def test_what_the_framework_finds_is_a_problem_too(path: str, method: str, status: int):
    answer = await Service().ask(path, method)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert answer.json()["status"] == status
    if status == 405:
        assert "GET" in answer.headers["allow"]


async def test_the_page_of_the_document_asks_no_other_server():
    answer = await Service().ask("/docs")
    assert "<title>Parkstream test</title>" in answer.text
    assert "http://" not in answer.text
    assert "https://" not in answer.text


def test_the_document_says_whether_a_token_is_asked_for():
    assert '"security": [\n    {\n      "bearer": []' in document(Service().app)
    assert '"security": [\n    {},' in document(Service(token=None).app)


async def test_what_a_service_needs_lives_as_long_as_it_is_served():
    service = Service()
    await service.ask("/health/live")
    assert service.lives == ["started", "stopped"]
