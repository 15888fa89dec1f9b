"""However an address is mistyped, its password is shown nowhere: by no variable of no process."""

import json
from collections.abc import Iterator

import pytest
from mistyped_addresses import PASSWORD, RIGHT, mistyped, well_formed
from msgspec import Struct
from parkstream_backend.settings import Settings as Backend
from parkstream_cli.settings import Settings as CommandLine
from parkstream_entry_generator.settings import Settings as EntryGenerator
from parkstream_exit_generator.settings import Settings as ExitGenerator
from parkstream_provision.settings import Settings as Provision
from parkstream_service.settings import answer_config, hosts_of, masked_url, settings_or_exit
from parkstream_service.settings.loader import Field, fields_of
from parkstream_summary_api.settings import Settings as SummaryApi

ALL: list[type[Struct]] = [EntryGenerator, ExitGenerator, Backend, SummaryApi, CommandLine, Provision]
GIVEN = {"PARKSTREAM_SIGNOZ_PASSWORD": "any"}


def addresses() -> Iterator[tuple[type[Struct], Field]]:
    for type_ in ALL:
        for field in fields_of(type_):
            if field.name.endswith("_URL"):
                yield type_, field


def printed(type_: type[Struct], environ: dict[str, str], capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    """Return how often *environ* was refused, and all that was printed by what reads it."""
    refused = 0
    for words in (["config"], ["config", "--json"], None):
        try:
            answer_config(type_, words, environ) if words else settings_or_exit(type_, environ)
        except SystemExit as ended:
            refused += ended.code == 2
    return refused, "".join(capsys.readouterr())


@pytest.mark.parametrize(("type_", "field"), [*addresses()], ids=lambda it: getattr(it, "name", it.__module__))
def test_no_mistyped_address_shows_its_password(type_: type[Struct], field: Field, capsys):
    for text in mistyped(field.extras["url"][0]):
        _, all_of_it = printed(type_, GIVEN | {field.name: text}, capsys)
        assert field.name in all_of_it
        assert PASSWORD not in all_of_it, text


@pytest.mark.parametrize("scheme", ["amqp", "redis", "http"])
def test_what_is_ambiguous_is_refused_and_what_is_not_is_taken(scheme: str, capsys):
    (type_, name) = (Backend, {"amqp": "RABBITMQ", "redis": "REDIS", "http": "SUMMARY"}[scheme])
    taken = {text for text in mistyped(scheme) if not printed(type_, {f"PARKSTREAM_{name}_URL": text}, capsys)[0]}
    assert taken == {text.format(scheme=scheme, password=PASSWORD) for text in RIGHT}
    for text in well_formed(scheme, "host:1"):
        refused, all_of_it = printed(type_, {f"PARKSTREAM_{name}_URL": text}, capsys)
        assert (refused, PASSWORD in all_of_it) == (0, False), text


def test_an_address_in_the_place_of_its_file_is_not_shown(capsys):
    for name in ("PARKSTREAM_REDIS_URL_FILE", "PARKSTREAM_API_TOKEN_FILE"):
        for text in mistyped("redis"):
            refused, all_of_it = printed(Backend, {name: text}, capsys)
            assert (refused, PASSWORD in all_of_it) == (3, False), text


def test_a_secret_that_is_no_text_is_not_shown(capsys):
    refused, all_of_it = printed(Backend, {"PARKSTREAM_API_TOKEN": f"{PASSWORD}\udcff"}, capsys)
    assert (refused, PASSWORD in all_of_it) == (3, False)


@pytest.mark.parametrize(
    ("text", "shown", "hosts"),
    [
        ("amqp://guest:guest@localhost:5672/", "amqp://guest:***@localhost:5672/", "amqp://localhost:5672/"),
        ("redis://:pw@[::1]:6379", "redis://:***@[::1]:6379", "redis://[::1]:6379"),
        ("https://host/base/v1?limit=10", "https://host/base/v1?limit=10", "https://host/base/v1?limit=10"),
        ("https://host/v1?token=abc", "https://host/v1?***", "https://host/v1?***"),
        ("redis//me:pw@host:6379", "***@host:6379", "host:6379"),
        ("redis://pw@host:6379", "redis://***@host:6379", "redis://host:6379"),
        ("redis://me:pw", "redis://***", "redis://***"),
        ("pw", "***", "***"),
    ],
)
def test_what_is_known_to_be_no_secret_stays_readable(text: str, shown: str, hosts: str):
    assert (masked_url(text), hosts_of(text)) == (shown, hosts)


def test_config_is_json_whatever_an_address_holds(capsys):
    with pytest.raises(SystemExit):
        answer_config(Backend, ["config", "--json"], {"PARKSTREAM_REDIS_URL": f"redis//me:{PASSWORD}@host"})
    answer = json.loads(capsys.readouterr().out)
    shown = {one["name"]: one["value"] for one in answer["variables"]}["PARKSTREAM_REDIS_URL"]
    assert shown == "***@host"
    assert answer["errors"] == [
        "PARKSTREAM_REDIS_URL is '***@host'; it takes redis://HOST:PORT or rediss://HOST:PORT",
    ]
