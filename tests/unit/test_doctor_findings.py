"""The doctor tells versions apart, reads the summary file, and turns a wrong server into advice."""

import pytest
from parkstream_cli.doctor import rabbitmq, redis, services, summaries
from parkstream_cli.doctor.redis import last_position
from parkstream_cli.settings import Settings
from parkstream_operations.findings import Level, version_of
from parkstream_operations.log_findings import summaries_written
from parkstream_operations.service_findings import unreachable
from parkstream_service.client import ServiceClient
from parkstream_service.settings import hosts_of
from parkstream_service.unreachable import UnreachableError, reason

NOWHERE = "127.0.0.1:1"


@pytest.mark.parametrize(
    ("text", "version"),
    [("3.10.8", (3, 10, 8)), ("7.0.15~deb12u1", (7, 0, 15)), ("4.3.0-rc.1", (4, 3, 0, 1)), ("", ()), ("x.1", ())],
)
def test_a_version_is_its_leading_numbers(text, version):
    assert version_of(text) == version


def test_the_greatest_position_in_a_summary_file_is_found_wherever_it_stands(tmp_path):
    path = tmp_path / "summaries.jsonl"
    path.write_text('{"position":7}\n{"position":9}\n{"position":8}\nnot a line\n{"posi')
    assert last_position(path) == 9


def test_a_summary_file_on_another_machine_says_nothing(tmp_path):
    assert last_position(tmp_path / "none") is None


async def test_a_rabbitmq_that_is_not_there_is_wrong_and_its_password_is_not_told():
    (finding,) = await rabbitmq.examine(f"amqp://me:s3cret@{NOWHERE}/")
    assert finding.level is Level.WRONG
    assert finding.found == f"amqp://{NOWHERE}/: Connection refused"
    assert "PARKSTREAM_RABBITMQ_URL" in finding.advice


async def test_a_redis_that_is_not_there_is_wrong_and_its_password_is_not_told(tmp_path):
    (finding,) = await redis.examine(f"redis://me:s3cret@{NOWHERE}", "mall", tmp_path / "none", None)
    assert finding.level is Level.WRONG
    assert finding.found == f"redis://{NOWHERE}: Connection refused"


async def test_a_redis_url_with_a_database_is_wrong(tmp_path):
    (finding,) = await redis.examine(f"redis://{NOWHERE}/3", "mall", tmp_path / "none", None)
    assert "must not name a DB" in finding.found


async def test_services_that_are_not_there_are_wrong_and_generators_and_console_may_be_absent():
    url = f"http://{NOWHERE}"
    settings = Settings(
        summary_url=url, backend_url=url, console_url=url, entry_generator_url=url, exit_generator_url=url
    )
    async with ServiceClient() as client:
        findings, position = await services.examine(settings, client)
    assert position is None
    assert {finding.about: finding.level for finding in findings} == {
        "summary-api": Level.WRONG,
        "backend": Level.WRONG,
        "console": Level.NOTE,
        "entry-generator": Level.NOTE,
        "exit-generator": Level.NOTE,
    }


@pytest.mark.parametrize(
    ("why", "advice"),
    [("HTTP 401 no", "PARKSTREAM_API_TOKEN"), ("HTTP 503 {}", "misses"), ("Connection refused", "start backend")],
)
def test_what_a_service_answers_decides_what_to_do(why, advice):
    assert advice in unreachable("backend", "PARKSTREAM_BACKEND_URL", UnreachableError("http://x", why)).advice


def test_a_url_is_told_without_user_and_password():
    assert hosts_of("amqp://me:s3cret@host:5672/v") == "amqp://host:5672/v"


def test_a_reason_is_told_in_the_words_of_the_system():
    assert reason(ConnectionRefusedError(111, "Connect call failed")) == "Connection refused"
    assert reason(TimeoutError()) == "TimeoutError"


def test_lines_that_are_missing_in_the_summary_file_are_wrong(tmp_path):
    file = tmp_path / "summaries.jsonl"
    assert summaries.lines_in(file) is None
    file.write_bytes(b"1\n2\n3")
    assert summaries.lines_in(file) == 2
    found = summaries_written(2, 5)
    assert found.level is Level.WRONG
    assert "3 are missing" in found.found
    assert "emit-missing" in found.advice
    assert summaries_written(5, 5).level is summaries_written(6, 5).level is Level.OK
