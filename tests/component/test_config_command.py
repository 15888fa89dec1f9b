"""``parkstream config`` asks every installed service, and tells all that is wrong at once."""

import json
import os
import subprocess
import sys

from parkstream_cli.config import SERVICES


def config(*options, **variables):
    environ = {name: value for name, value in os.environ.items() if not name.startswith("PARKSTREAM_")}
    command = [sys.executable, "-m", "parkstream_cli", "config", *options]
    return subprocess.run(command, capture_output=True, text=True, env=environ | variables, check=False)


def test_every_service_tells_every_variable_with_type_default_unit_meaning_and_value():
    answer = config("--json")
    assert answer.returncode == 0, answer.stderr
    told = json.loads(answer.stdout)
    assert list(told["services"]) == [module.replace("_", "-") for module in SERVICES]
    for variables in told["services"].values():
        assert all(variable["name"].startswith("PARKSTREAM_") for variable in variables)
        assert all(variable["meaning"].endswith(".") for variable in variables), variables
        assert all(variable["unit"] for variable in variables if variable["name"].endswith(("_SECONDS", "_DAYS")))


def test_all_errors_of_all_services_are_told_once_and_the_exit_code_is_2():
    answer = config("--json", PARKSTREAM_PORT="high", PARKSTREAM_PREFETCH_COUNT="0", PARKSTREAM_LOG_FORMAT="xml")
    assert answer.returncode == 2
    errors = json.loads(answer.stdout)["errors"]
    assert len(errors) == 3
    assert next(error for error in errors if "PREFETCH_COUNT" in error).endswith("(parkstream-backend)")
    assert next(error for error in errors if "LOG_FORMAT" in error).count("parkstream-") == 5
    assert answer.stderr.count("error: ") == 3


def test_secrets_are_not_shown():
    answer = config(PARKSTREAM_API_TOKEN="s3cret", PARKSTREAM_REDIS_URL="redis://me:s3cret@host:1")
    assert "s3cret" not in answer.stdout + answer.stderr
