"""The read API as its document describes it; ``docs/openapi-backend.json`` is what the backend serves."""

import json
import subprocess
import sys
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from pipeline import Pipeline

KEPT = Path(__file__).parents[2] / "docs" / "openapi-backend.json"
PROBLEM = "application/problem+json"


@pytest.fixture
def api() -> dict[str, Any]:
    return json.loads(KEPT.read_text())


@pytest.fixture
def pipeline(run_service, redis_url, rabbitmq_url, mall, tmp_path) -> Pipeline:
    made = Pipeline(run_service, redis_url, rabbitmq_url, mall, tmp_path)
    made.start()
    return made


def ask(pipeline: Pipeline, path: str, method: str = "GET") -> tuple[int, Any]:
    connection = HTTPConnection("127.0.0.1", pipeline.backends[0].port, timeout=30)
    try:
        connection.request(method, path)
        answer = connection.getresponse()
        return answer.status, json.load(answer)
    finally:
        connection.close()


def test_the_kept_document_is_current():
    made = subprocess.run(
        [sys.executable, "-m", "parkstream_backend", "openapi"], check=True, capture_output=True, text=True
    )
    assert made.stdout == KEPT.read_text(), "python -m parkstream_backend openapi > docs/openapi-backend.json"


def test_answers_and_problems_are_as_described(pipeline: Pipeline, api: dict[str, Any]):
    status, served = ask(pipeline, "/docs/openapi.json")
    assert (status, served["paths"]) == (200, api["paths"])
    for asked, path, method, expected in (
        ("/v1/state", "/v1/state", "GET", 200),
        ("/v1/inside?count=2", "/v1/inside", "GET", 200),
        ("/v1/inside?cursor=x", "/v1/inside", "GET", 400),
        ("/v1/inside?count=0", "/v1/inside", "GET", 400),
        ("/v1/visits/%23", "/v1/visits/{plate}", "GET", 400),
        ("/v1/visits/NONE", "/v1/visits/{plate}", "GET", 404),
        ("/v1/parked", "/v1/parked", "GET", 200),
        ("/v1/parked/redrive", "/v1/parked/redrive", "POST", 200),
        ("/health/live", "/health/live", "GET", 200),
        ("/health/ready", "/health/ready", "GET", 200),
    ):
        status, body = ask(pipeline, asked, method)
        assert status == expected, (asked, body)
        content = api["paths"][path][method.lower()]["responses"][str(status)]["content"]
        schema = content[PROBLEM if status >= 400 else "application/json"]["schema"]
        Draft202012Validator({**schema, "components": api["components"]}).validate(body)
