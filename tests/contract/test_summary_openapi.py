import json
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from jsonschema import Draft202012Validator
from parkstream_events.wire import encode
from parkstream_service.http import document
from parkstream_summary_api.app import create_app
from parkstream_summary_api.settings import Settings
from summary_client import Client, environ
from summary_items import body, item

KEPT = Path(__file__).parents[2] / "docs" / "openapi.json"


@pytest.fixture(scope="module")
def api() -> dict:
    return json.loads(KEPT.read_text())


@pytest.fixture(scope="module")
def client(sandbox, shared_redis, tmp_path_factory) -> Client:
    told = environ(tmp_path_factory.mktemp("openapi") / "summaries.jsonl", shared_redis.url, "openapi")
    process = sandbox.service("parkstream_summary_api", told)
    process.wait_ready()
    return Client(process.port)


def check(api: dict, path: str, method: str, answer, media_type: str = "application/json") -> None:
    """Fail unless *answer* is one that the document foresees."""
    described = api["paths"][path][method]["responses"][str(answer.status)]["content"][media_type]["schema"]
    Draft202012Validator({**described, "components": api["components"]}).validate(answer.json)


def test_the_kept_document_is_current():
    made = subprocess.run(
        [sys.executable, "-m", "parkstream_summary_api", "openapi"], check=True, capture_output=True, text=True
    )
    assert made.stdout == KEPT.read_text(), "python -m parkstream_summary_api openapi > docs/openapi.json"


def test_the_document_is_what_the_server_shows(client, api):
    served = client.ask("/docs/openapi.json").json
    assert served["openapi"].startswith("3.1")
    assert served["paths"] == api["paths"]


def test_a_configured_token_is_in_the_document():
    guarded = json.loads(document(create_app(Settings(api_token="secret", statistics_seconds=3600))))
    assert guarded["security"] == [{"bearer": []}]


def test_what_is_posted_is_described(api):
    schema = api["paths"]["/v1/summaries"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    validator = Draft202012Validator({**schema, "components": api["components"]})
    validator.validate(msgspec.json.decode(msgspec.json.encode(item())))
    validator.validate(json.loads(body(item(), item(2))))
    assert not validator.is_valid({**msgspec.json.decode(msgspec.json.encode(item())), "revision": 0})


def test_answers_are_as_described(client, api):
    check(api, "/v1/summaries", "post", client.ask("/v1/summaries", b"[" + encode(item(1)) + b",3]"))
    check(api, "/v1/summaries", "get", client.ask("/v1/summaries", limit=1))
    check(api, "/v1/summaries/{visit_id}", "get", client.visit("exit:1"))
    check(api, "/v1/stats", "get", client.ask("/v1/stats"))
    check(api, "/health/ready", "get", client.ask("/health/ready"))


def test_problems_are_as_described(client, api):
    problem = "application/problem+json"
    check(api, "/v1/summaries", "post", client.ask("/v1/summaries", b"["), problem)
    check(api, "/v1/summaries", "get", client.ask("/v1/summaries", limit=0), problem)
    check(api, "/v1/summaries/{visit_id}", "get", client.visit("nobody"), problem)
