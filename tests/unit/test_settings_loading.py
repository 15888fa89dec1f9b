"""A process is told what to do by typed variables, and hears of all that is wrong at once."""

import json
from typing import Annotated, Literal

import pytest
from msgspec import Meta, Struct
from parkstream_service.settings import (
    REDIS_URL,
    SettingsError,
    answer_config,
    describe,
    env_name,
    load,
    settings_or_exit,
)


class Settings(Struct, frozen=True, kw_only=True, rename=env_name("PARKSTREAM_")):
    redis_url: Annotated[str, Meta(description="Where Redis is.", extra=REDIS_URL)] = "redis://localhost:6379"
    prefetch_count: Annotated[int, Meta(ge=1, le=10_000)] = 500
    grace_seconds: Annotated[float, Meta(ge=0, description="How long.", extra={"unit": "s"})] = 5.0
    api_token: Annotated[str, Meta(extra={"secret": True})] | None = None
    log_format: Literal["json", "pretty"] = "json"
    roles: frozenset[Literal["record", "project"]] = frozenset({"record", "project"})
    seed: int | None = None
    open: bool = False

    def __post_init__(self) -> None:
        if self.open and self.api_token:
            message = "PARKSTREAM_OPEN and PARKSTREAM_API_TOKEN exclude each other"
            raise ValueError(message)


class Needing(Struct, frozen=True, kw_only=True, rename=env_name("PARKSTREAM_")):
    key: str
    seed: int = 0


def one(name, environ=None):
    return next(variable for variable in describe(Settings, environ or {}) if variable.name == f"PARKSTREAM_{name}")


def test_nothing_set_gives_the_defaults():
    assert load(Settings, {}) == Settings()


def test_texts_become_what_the_fields_take():
    settings = load(
        Settings,
        {
            "PARKSTREAM_PREFETCH_COUNT": "7",
            "PARKSTREAM_GRACE_SECONDS": "0.5",
            "PARKSTREAM_ROLES": "record, ",
            "PARKSTREAM_SEED": "3",
            "PARKSTREAM_OPEN": "true",
        },
    )
    assert (settings.prefetch_count, settings.grace_seconds, settings.seed, settings.open) == (7, 0.5, 3, True)
    assert settings.roles == {"record"}


def test_an_empty_variable_is_one_that_is_not_set():
    assert load(Settings, {"PARKSTREAM_SEED": "", "PARKSTREAM_LOG_FORMAT": ""}) == Settings()


def test_variables_of_other_services_are_no_errors():
    assert load(Settings, {"PARKSTREAM_SUMMARY_FILE": "x", "HOME": "/"}) == Settings()


def test_all_errors_are_told_at_once_with_what_was_expected():
    wrong = {"PARKSTREAM_PREFETCH_COUNT": "many", "PARKSTREAM_GRACE_SECONDS": "-1", "PARKSTREAM_LOG_FORMAT": "xml"}
    with pytest.raises(SettingsError) as refused:
        load(Settings, wrong)
    assert refused.value.errors == [
        "PARKSTREAM_PREFETCH_COUNT is 'many'; it takes int from 1 to 10000",
        "PARKSTREAM_GRACE_SECONDS is '-1'; it takes float ≥ 0",
        "PARKSTREAM_LOG_FORMAT is 'xml'; it takes json | pretty",
    ]


@pytest.mark.parametrize("number", ["nan", "inf", "-inf"])
def test_a_number_is_finite(number):
    with pytest.raises(SettingsError):
        load(Settings, {"PARKSTREAM_GRACE_SECONDS": number})


def test_a_file_may_hold_the_value(tmp_path):
    secret = tmp_path / "token"
    secret.write_text("s3cret\n", encoding="utf-8")
    environ = {"PARKSTREAM_API_TOKEN_FILE": str(secret)}
    assert load(Settings, environ).api_token == "s3cret"
    assert one("API_TOKEN", environ).value == "***"
    assert one("API_TOKEN", environ).error is None


def test_a_file_that_holds_no_value_is_an_error_that_names_it(tmp_path):
    empty, binary = tmp_path / "empty", tmp_path / "binary"
    empty.write_text("\n", encoding="utf-8")
    binary.write_bytes(b"\xff\xfe")
    for file, why in ((empty, "is empty"), (binary, "it is no text"), (tmp_path / "none", "No such file")):
        environ = {"PARKSTREAM_REDIS_URL_FILE": str(file)}
        with pytest.raises(SettingsError) as failed:
            load(Settings, environ)
        assert [error for error in failed.value.errors if str(file) in error and why in error] == failed.value.errors
        assert one("REDIS_URL", environ).error == failed.value.errors[0]


def test_a_wrong_value_in_a_file_is_told_like_any_other(tmp_path):
    file = tmp_path / "count"
    file.write_text("0", encoding="utf-8")
    with pytest.raises(SettingsError, match="PARKSTREAM_PREFETCH_COUNT is '0'; it takes int from 1 to 10000"):
        load(Settings, {"PARKSTREAM_PREFETCH_COUNT_FILE": str(file)})


def test_a_variable_is_set_in_one_place(tmp_path):
    file = tmp_path / "token"
    file.write_text("other", encoding="utf-8")
    with pytest.raises(SettingsError, match="PARKSTREAM_API_TOKEN and PARKSTREAM_API_TOKEN_FILE are both set"):
        load(Settings, {"PARKSTREAM_API_TOKEN": "one", "PARKSTREAM_API_TOKEN_FILE": str(file)})


def test_a_required_variable_that_is_missing_is_named():
    with pytest.raises(SettingsError) as refused:
        load(Needing, {"PARKSTREAM_SEED": "x"})
    assert refused.value.errors == ["PARKSTREAM_KEY is not set; it takes text", "PARKSTREAM_SEED is 'x'; it takes int"]


def test_what_contradicts_itself_is_an_error_too():
    with pytest.raises(SettingsError, match="exclude each other"):
        load(Settings, {"PARKSTREAM_OPEN": "1", "PARKSTREAM_API_TOKEN": "t"})


def test_a_variable_is_described_with_type_unit_meaning_default_and_value():
    grace = one("GRACE_SECONDS", {"PARKSTREAM_GRACE_SECONDS": "0.5"})
    assert (grace.type, grace.unit, grace.meaning) == ("float ≥ 0", "s", "How long.")
    assert (grace.default, grace.value, grace.error) == ("5", "0.5", None)


def test_lists_and_optional_values_are_described_in_words():
    assert one("ROLES").type == "list of project | record"
    assert one("ROLES").default == "project,record"
    assert (one("SEED").type, one("SEED").default, one("OPEN").default) == ("int, optional", "", "false")


def test_secrets_are_masked():
    assert one("API_TOKEN", {"PARKSTREAM_API_TOKEN": "s3cret"}).value == "***"
    assert one("REDIS_URL", {"PARKSTREAM_REDIS_URL": "redis://me:s3cret@host:1"}).value == "redis://me:***@host:1"


def test_config_is_answered_as_json(capsys):
    assert answer_config(Settings, ["config", "--json"], {})
    answer = json.loads(capsys.readouterr().out)
    assert answer["errors"] == []
    assert [variable["name"] for variable in answer["variables"]][:2] == [
        "PARKSTREAM_REDIS_URL",
        "PARKSTREAM_PREFETCH_COUNT",
    ]


def test_config_exits_with_2_after_telling_all_errors(capsys):
    with pytest.raises(SystemExit) as left:
        answer_config(Settings, ["config"], {"PARKSTREAM_SEED": "x", "PARKSTREAM_OPEN": "maybe"})
    assert left.value.code == 2
    told = capsys.readouterr()
    assert told.err.count("error: ") == 2
    assert "PARKSTREAM_PREFETCH_COUNT=500" in told.out


def test_a_service_is_not_asked_for_its_config_when_it_is_started():
    assert not answer_config(Settings, [], {})


def test_a_service_with_a_wrong_environment_exits_with_2(capsys):
    with pytest.raises(SystemExit) as left:
        settings_or_exit(Settings, {"PARKSTREAM_SEED": "x"})
    assert left.value.code == 2
    assert capsys.readouterr().err == "error: PARKSTREAM_SEED is 'x'; it takes int, optional\n"


def test_a_right_environment_is_loaded():
    assert settings_or_exit(Settings, {"PARKSTREAM_SEED": "3"}).seed == 3
