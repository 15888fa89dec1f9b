"""However an address is mistyped, its password is shown nowhere: by no variable of no process."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator

import pytest
from mistyped_addresses import PASSWORD, RIGHT, mistyped, well_formed
from msgspec import Struct
from parkstream_backend.settings import Settings as Backend
from parkstream_cli.app import main
from parkstream_cli.settings import Settings as CommandLine
from parkstream_entry_generator.settings import Settings as EntryGenerator
from parkstream_exit_generator.settings import Settings as ExitGenerator
from parkstream_provision.settings import Settings as Provision
from parkstream_service.settings import answer_config, hosts_of, masked_url, settings_or_exit, urls_of_nodes
from parkstream_service.settings.loader import Field, fields_of
from parkstream_service.settings.urls import REDIS_URL, may_hold_password, words_of_url
from parkstream_summary_api.settings import Settings as SummaryApi

ALL: list[type[Struct]] = [EntryGenerator, ExitGenerator, Backend, SummaryApi, CommandLine, Provision]
MISPLACED = [f"redis//me:{PASSWORD}@host:1", f"http:/me:{PASSWORD}@@host", f"amqp//{PASSWORD}"]
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
    for text in [one for scheme in field.extras["url"] for one in mistyped(scheme)]:
        _, all_of_it = printed(type_, GIVEN | {field.name: text}, capsys)
        assert field.name in all_of_it
        assert PASSWORD not in all_of_it, text


def test_an_address_in_the_place_of_something_else_shows_no_password(capsys):
    shown = 0
    for type_ in ALL:
        for field in fields_of(type_):
            if field.extras.keys() & {"url", "secret"}:
                continue
            for text in MISPLACED:
                _, all_of_it = printed(type_, GIVEN | {field.name: text}, capsys)
                assert PASSWORD not in all_of_it, (field.name, text)
                shown += "***" in all_of_it
    assert shown > 100


def test_what_is_no_address_stays_readable():
    for text in ("north=0.6,south=0.4", "[::1],localhost", "south:delay=5,creep=10/20", "/data/a//b", "me@host", "0:1"):
        assert not may_hold_password(text)


@pytest.mark.parametrize(
    "words",
    ["{}", "config {}", "republish --from={}", "trace --spans {} x", "restore {}"],
)
def test_an_address_on_the_command_line_shows_no_password(words: str, capsys, monkeypatch):
    for text in MISPLACED:
        monkeypatch.setattr("sys.argv", ["parkstream", *words.format(text).split()])
        with pytest.raises(SystemExit):
            main()
        all_of_it = "".join(capsys.readouterr())
        assert "***" in all_of_it
        assert PASSWORD not in all_of_it


UNCAUGHT = """
import sys
from threading import Thread
from parkstream_service.uncaught import print_without_quotes
print_without_quotes()
def fail(): raise KeyError(sys.argv[1])
thread = Thread(target=fail)
thread.start(); thread.join()
fail()
"""


def test_what_nobody_catches_shows_nothing_that_it_quotes():
    done = subprocess.run([sys.executable, "-c", UNCAUGHT, PASSWORD], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.count("KeyError: (withheld") == 2
    assert PASSWORD not in done.stderr


@pytest.mark.parametrize("variable", ["OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT"])
def test_a_variable_of_others_that_ends_a_service_is_not_quoted(variable: str):
    environ = os.environ | {"OTEL_TRACES_EXPORTER": "otlp", "OTEL_RESOURCE_ATTRIBUTES": f"redis//me:{PASSWORD}@host"}
    environ[variable] = f"redis//me:{PASSWORD}@host"
    command = [sys.executable, "-m", "parkstream_entry_generator"]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "Traceback" in done.stderr
    assert PASSWORD not in done.stderr + done.stdout


@pytest.mark.parametrize("scheme", ["amqp", "redis", "http"])
def test_what_is_ambiguous_is_refused_and_what_is_not_is_taken(scheme: str, capsys):
    (type_, name) = (Backend, {"amqp": "RABBITMQ", "redis": "REDIS", "http": "SUMMARY"}[scheme])
    taken = {text for text in mistyped(scheme) if not printed(type_, {f"PARKSTREAM_{name}_URL": text}, capsys)[0]}
    assert taken == {text.format(scheme=scheme, password=PASSWORD) for text in RIGHT}
    for text in well_formed(scheme, "host:1"):
        refused, all_of_it = printed(type_, {f"PARKSTREAM_{name}_URL": text}, capsys)
        assert (refused, PASSWORD in all_of_it) == (0, False), text


SENTINELS = [
    "{scheme}://me:{password}@host:1,host.of-mine,[::1]:3/NAME",
    "{scheme}://:{password}@host/NA.me_-1",
    "{scheme}://host:1,host:2/NAME?sentinel_username=me&sentinel_password={password}",
]


@pytest.mark.parametrize("scheme", ["redis+sentinel", "rediss+sentinel"])
def test_of_the_addresses_of_sentinels_those_with_hosts_and_a_name_are_taken(scheme: str, capsys):
    taken = {text for text in mistyped(scheme) if printed(Backend, {"PARKSTREAM_REDIS_URL": text}, capsys)[0] != 3}
    assert taken == {f"{scheme}://host:1,me:{PASSWORD}@host:2/NAME"}  # Of the user "host".
    for text in SENTINELS:
        address = text.format(scheme=scheme, password=PASSWORD)
        refused, all_of_it = printed(Backend, {"PARKSTREAM_REDIS_URL": address}, capsys)
        assert (refused, PASSWORD in all_of_it, "host" in all_of_it) == (0, False, True), text


@pytest.mark.parametrize("hosts", ["n1:1,n2:2,n3:3", "n1,[::1]:2", "[fd00::1],[fd00::2]:5672"])
def test_only_rabbitmq_has_several_nodes_and_each_is_an_address(hosts: str, capsys):
    for text in well_formed("amqp", hosts):
        refused, all_of_it = printed(Backend, {"PARKSTREAM_RABBITMQ_URL": text}, capsys)
        assert (refused, PASSWORD in all_of_it) == (0, False), text
        nodes = urls_of_nodes(text)
        assert [text.replace(hosts, host) for host in hosts.split(",")] == nodes
    for variable, scheme in (("PARKSTREAM_REDIS_URL", "redis"), ("PARKSTREAM_SUMMARY_URL", "http")):
        for text in well_formed(scheme, hosts):
            refused, all_of_it = printed(Backend, {variable: text}, capsys)
            assert (refused, PASSWORD in all_of_it) == (3, False), text


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
        (
            "redis+sentinel://me:pw@s1:26379,[::1],s3/NAME",
            "redis+sentinel://me:***@s1:26379,[::1],s3/NAME",
            "redis+sentinel://s1:26379,[::1],s3/NAME",
        ),
        (
            "redis+sentinel://s1:1,s2:2/NAME?sentinel_password=pw",
            "redis+sentinel://s1:1,s2:2/NAME?***",
            "redis+sentinel://s1:1,s2:2/NAME?***",
        ),
        ("redis://me,pw/0", "redis://***", "redis://***"),
        ("https://host/base/v1?limit=10", "https://host/base/v1?limit=10", "https://host/base/v1?limit=10"),
        ("https://host/v1?token=abc", "https://host/v1?***", "https://host/v1?***"),
        ("amqp://me:p,w@n1:1,n2,[::1]:2/v", "amqp://me:***@n1:1,n2,[::1]:2/v", "amqp://n1:1,n2,[::1]:2/v"),
        ("amqp://n1,pw", "amqp://***", "amqp://***"),
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
        f"PARKSTREAM_REDIS_URL is '***@host'; it takes {words_of_url(REDIS_URL['url'])}",
    ]
