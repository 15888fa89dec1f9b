"""Every service, asked a few dozen times whatever its OpenAPI document allows and does not (./dev fuzz asks more)."""

import base64

import msgspec
import pytest

from fuzzing.apis import Api, Asked
from fuzzing.pages import api_of
from fuzzing.services import ROUTES, start_on
from fuzzing.target import Failure

REQUESTS = 40


@pytest.fixture(scope="module")
def services(sandbox, servers):
    started = start_on(sandbox, servers.rabbitmq.url, servers.redis.url)
    yield started
    for service in started.values():
        service.process.terminate()


@pytest.mark.parametrize("name", ROUTES)
def test_no_answer_is_a_server_error_and_each_is_as_documented(services, name: str):
    tally = api_of(name, services[name]).fuzz(REQUESTS, 1, lambda *_: None)
    assert [(failure.error, failure.input) for failure in tally.failures] == []
    assert tally.accepted
    assert tally.refused


def test_an_answer_that_is_not_documented_is_found_and_asked_for_again(services):
    document = services["api-summaries"].document
    del document["paths"]["/v1/stats"]["get"]["responses"]["401"]
    api = Api("api-summaries", services["api-summaries"], document)
    asked = Asked(operation="GET /v1/stats", method="GET", path="/v1/stats", headers={})
    found = api.again(msgspec.json.encode(asked))
    assert isinstance(found, Failure)
    assert "401" in found.error
    assert api.again(found.input) == found


def test_what_is_no_address_is_no_error_of_the_page_that_is_led_back_to(services):
    api = api_of("pages-console", services["pages-console"])
    form, kind = base64.b64encode(b"asked=http://[").decode(), "application/x-www-form-urlencoded"
    asked = Asked(
        operation="POST /time/cancel",
        method="POST",
        path="/time/cancel",
        headers={"Content-Type": kind},
        trusted=True,
        body=form,
    )
    assert api.again(msgspec.json.encode(asked)) is True
