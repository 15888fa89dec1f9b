"""The read API as its document describes it; ``docs/openapi-console.json`` is what the console serves."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from console_service import start_console
from jsonschema import Draft202012Validator
from summary_client import Client

KEPT = Path(__file__).parents[2] / "docs" / "openapi-console.json"
PROBLEM = "application/problem+json"


@pytest.fixture
def api() -> dict[str, Any]:
    return json.loads(KEPT.read_text())


@pytest.fixture
def console(run_service, redis_url, mall) -> Client:
    return Client(start_console(run_service, redis_url, mall).port)


def test_the_kept_document_is_current():
    made = subprocess.run(
        [sys.executable, "-m", "parkstream_console", "openapi"], check=True, capture_output=True, text=True
    )
    assert made.stdout == KEPT.read_text(), "python -m parkstream_console openapi > docs/openapi-console.json"


def test_answers_and_problems_are_as_described(console: Client, api: dict[str, Any]):
    served = console.ask("/docs/openapi.json")
    assert (served.status, served.json["paths"]) == (200, api["paths"])
    for asked, path, expected in (
        ("/v1/state", "/v1/state", 200),
        ("/v1/inside?count=2", "/v1/inside", 200),
        ("/v1/inside?cursor=x", "/v1/inside", 400),
        ("/v1/inside?count=0", "/v1/inside", 400),
        ("/v1/visits/%23", "/v1/visits/{plate}", 400),
        ("/v1/visits/NONE", "/v1/visits/{plate}", 404),
        ("/v1/parked", "/v1/parked", 200),
        ("/health/live", "/health/live", 200),
        ("/health/ready", "/health/ready", 200),
    ):
        answer = console.ask(asked)
        assert answer.status == expected, (asked, answer)
        content = api["paths"][path]["get"]["responses"][str(expected)]["content"]
        schema = content[PROBLEM if expected >= 400 else "application/json"]["schema"]
        Draft202012Validator({**schema, "components": api["components"]}).validate(answer.json)


def test_it_only_reads(api: dict[str, Any]):
    assert {method for methods in api["paths"].values() for method in methods} == {"get"}
