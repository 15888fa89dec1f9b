"""Whatever address a command is given, it ends with an error that says what to do, never with a traceback."""

import io
import signal
import sys
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import cyclopts
import pytest
from mistyped_addresses import MISTYPED, PASSWORD
from parkstream_cli.app import app, main

REDIS, RABBITMQ, SUMMARIES = "PARKSTREAM_REDIS_URL", "PARKSTREAM_RABBITMQ_URL", "PARKSTREAM_SUMMARY_URL"
WORDS: dict[str, tuple[str, ...]] = {
    "backup": ("{folder}/backup",),
    "dead-letters list": (),
    "dead-letters redrive": ("--all",),
    "dead-letters show": ("1",),
    "doctor": (),
    "functions load": (),
    "functions kill": (),
    "log accept-clock": ("--yes",),
    "log adopt": (),
    "log acknowledge": ("1", "--reason", "a test"),
    "log archive": ("--dir", "{folder}"),
    "log export": ("{folder}/export.jsonl",),
    "log find": ("--plate", "CAR1"),
    "log import": ("{folder}/export.jsonl",),
    "log restore": ("--dir", "{folder}"),
    "log show": ("1",),
    "log stats": (),
    "log tail": (),
    "log unreadable": (),
    "log verify": (),
    "outbox emit-missing": (),
    "outbox parked": (),
    "outbox redrive": ("--all",),
    "replay": (),
    "republish": (),
    "restore": ("{folder}",),
    "trace": ("CAR1",),
    "visit": ("CAR1",),
}
ELSEWHERE = {"demo", "config"}
"""Starts servers of its own; asks the services, one process each (its own test)."""
NEEDS = {
    REDIS: sorted(set(WORDS) - {"dead-letters list", "dead-letters redrive", "dead-letters show", "restore", "trace"}),
    RABBITMQ: [
        "dead-letters list",
        "dead-letters redrive",
        "dead-letters show",
        "doctor",
        "log archive",
        "log import",
        "republish",
    ],
    SUMMARIES: ["doctor", "outbox emit-missing"],
}
SCHEMES = {REDIS: "redis", RABBITMQ: "amqp", SUMMARIES: "http"}
MALFORMED = [
    "nowhere",
    "nowhere:1",
    "{scheme}:nowhere",
    "{scheme}://",
    "{scheme}://:1",
    "{scheme}://nowhere:port",
    "{scheme}://nowhere:99999",
    "{scheme}://nowhere:0",
    "{scheme}://nowhere:-1",
    "{scheme}://[fd00::1",
    "{scheme}://[nowhere]:1",
    "{scheme}://fd00::1:6379",
    "{scheme}://me:s3cret@",
    "me:s3cret@nowhere",
    "me:s3cret@nowhere:5672",
    "{scheme}://me:s3cret@no where",
    "{scheme}://me:s3cret@nowhere\x1b[31m",
    "{scheme}://a..b",
    "{scheme}://" + 64 * "a",
    "ftp://nowhere",
    "file:///etc/passwd",
    "https+unix://nowhere",
    "\udcff",
]


class Ended(NamedTuple):
    code: Any
    out: str
    err: str


@pytest.fixture
def ended(monkeypatch, capsys, tmp_path) -> Iterator[Callable[..., Ended]]:
    """Run a command in this process, as its ``main`` does."""
    before = signal.getsignal(signal.SIGTERM)
    (tmp_path / "export.jsonl").touch()
    (tmp_path / "summaries.jsonl").touch()
    monkeypatch.chdir(tmp_path)

    def run(command: str, variable: str, url: str, *more: str) -> Ended:
        monkeypatch.setenv(variable, url)
        words = [word.format(folder=tmp_path) for word in WORDS.get(command, ())]
        monkeypatch.setattr(sys, "argv", ["parkstream", *command.split(), *words, *more])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO()))
        with pytest.raises(SystemExit) as ending:
            main()
        return Ended(ending.value.code, *capsys.readouterr())

    yield run
    signal.signal(signal.SIGTERM, before)


def commands_of(some: cyclopts.App, *names: str) -> Iterator[str]:
    """Yield every command below *some*."""
    below = [name for name in some if not name.startswith("-")]
    if some.default_command is not None:
        yield " ".join(names)
    for name in below:
        yield from commands_of(some[name], *names, name)


def test_every_command_is_looked_at():
    assert {*commands_of(app)} - {""} == {*WORDS, *ELSEWHERE}


@pytest.mark.parametrize("variable", SCHEMES)
@pytest.mark.parametrize("command", WORDS)
def test_what_is_no_address_is_refused_by_its_variable(ended, command, variable):
    some = MISTYPED[list(WORDS).index(command) :: len(WORDS)]
    for pattern in [*MALFORMED, *some]:
        url = pattern.format(scheme=SCHEMES[variable], upper="REDIS", password=PASSWORD)
        code, out, err = ended(command, variable, url)
        assert (code, out) == (2, ""), url
        assert err.startswith(f"error: {variable} is "), err
        assert "it takes" in err or "no text" in err
        assert err.count("\n") == 1
        assert "\x1b" not in err
        assert PASSWORD not in err


def test_the_services_refuse_the_same(ended):
    for variable in (REDIS, RABBITMQ, SUMMARIES):
        code, out, err = ended("config", variable, "me:s3cret@[fd00::1")
        assert code == 2
        assert f"error: {variable} is '***'" in err
        assert PASSWORD not in out + err


@pytest.fixture
def wrong(monkeypatch, servers, redis_url, rabbitmq_url, free_port) -> Callable[[str], list[str]]:
    """Return addresses that are well formed, where what is meant is not; all others are right."""
    ports = {REDIS: servers.redis.port, RABBITMQ: servers.rabbitmq.port}
    monkeypatch.setenv(REDIS, redis_url)
    monkeypatch.setenv(RABBITMQ, rabbitmq_url)

    def of(variable: str) -> list[str]:
        scheme = SCHEMES[variable]
        others = [port for name, port in ports.items() if name != variable]
        return [
            f"{scheme}://me:s3cret@127.0.0.1:{free_port()}",
            f"{scheme}://[::1]:{free_port()}",
            f"{scheme}://nowhere.invalid",
            *(f"{scheme}://127.0.0.1:{port}" for port in others),
        ]

    return of


@pytest.mark.parametrize(
    ("variable", "command"), [(variable, command) for variable, some in NEEDS.items() for command in some]
)
def test_where_nobody_answers_or_somebody_else_does_it_says_what_to_set(ended, wrong, variable, command):
    for url in wrong(variable):
        code, out, err = ended(command, variable, url)
        assert code == 1, (url, out, err)
        assert variable in out + err
        assert "start" in out + err
        assert url.rpartition("@")[2] in out + err
        assert PASSWORD not in out + err
        assert "Traceback" not in out + err


@pytest.mark.parametrize("command", [command for command in NEEDS[REDIS] if command != "doctor"])
@pytest.mark.parametrize("rest", ["/1", "?db=1", "?socket_timeout=soon", "?nobody=knows"])
def test_an_address_of_redis_that_asks_for_more_is_refused(ended, redis_url, command, rest):
    code, out, err = ended(command, REDIS, f"{redis_url}{rest}")
    assert (code, out) == (2, "")
    assert err.startswith(f"error: {REDIS} is {redis_url}{rest}: ")
