"""Whatever address a command is given, it ends with an error that says what to do, never with a traceback."""

import io
import json
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
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
PLAN = {
    "--rabbitmq-url": "amqp://127.0.0.1:1",
    "--redis-url": "redis://127.0.0.1:1",
    "--backend-url": "http://127.0.0.1:1",
    "--summary-url": "http://127.0.0.1:1",
    "--console-url": "http://127.0.0.1:1",
}
"""What ``cells add`` is told: nobody answers at any of them."""
OF_CELLS: dict[str, tuple[str, ...]] = {
    "cells add": ("south", *(word for option in PLAN.items() for word in option)),
    "cells check": (),
    "cells list": (),
    "cells move": ("north", "--redis-url", "redis://127.0.0.1:2"),
}
"""Their addresses are in a file, and in options."""
ELSEWHERE = {"demo", "up", "config", *OF_CELLS}
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
NO_ADDRESSES = [*MALFORMED, *MISTYPED]
SEEN_BY = 2
"""So many commands are given each of them, by each variable: all read their settings in one way."""


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
        words = [word.format(folder=tmp_path) for word in (WORDS | OF_CELLS).get(command, ())]
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
    every = len(WORDS) // SEEN_BY
    for pattern in NO_ADDRESSES[list(WORDS).index(command) % every :: every]:
        url = pattern.format(scheme=SCHEMES[variable], upper="REDIS", password=PASSWORD)
        code, out, err = ended(command, variable, url)
        assert (code, out) == (2, ""), url
        assert err.startswith(f"error: {variable} is "), err
        assert "it takes" in err or "no text" in err
        assert err.count("\n") == 1
        assert "\x1b" not in err
        assert PASSWORD not in err


def test_the_services_refuse_the_same(ended, monkeypatch):
    wrong = "me:s3cret@[fd00::1"
    for variable in SCHEMES:
        monkeypatch.setenv(variable, wrong)
    code, out, err = ended("config", REDIS, wrong)
    assert code == 2
    assert [variable for variable in SCHEMES if f"error: {variable} is '***'" not in err] == []
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


NORTH = {
    "redis_url": "redis://127.0.0.1:3",
    "rabbitmq_url": "amqp://127.0.0.1:3/",
    "backend_url": "http://127.0.0.1:3",
    "summary_url": "http://127.0.0.1:3",
}


def write_north(folder: Path, **fields: str) -> None:
    lines = [f"{field} = {json.dumps(value)}" for field, value in (NORTH | fields).items()]
    (folder / "cells.toml").write_text("\n".join(["[malls.north]", *lines]))


def is_refused(ended: Ended, *about: str) -> None:
    assert (ended.code, ended.out) == (2, ""), ended
    assert ended.err.startswith("error: ")
    assert all(word in ended.err for word in about), ended.err
    assert "\x1b" not in ended.err
    assert PASSWORD not in ended.err
    assert "s3cret" not in ended.err


@pytest.mark.parametrize("field", NORTH)
@pytest.mark.parametrize("command", OF_CELLS)
def test_what_is_no_address_in_the_file_of_cells_is_refused_there(ended, tmp_path, command, field):
    scheme = NORTH[field].partition(":")[0]
    for pattern in NO_ADDRESSES[list(OF_CELLS).index(command) :: len(OF_CELLS)]:
        write_north(tmp_path, **{field: pattern.format(scheme=scheme, upper=scheme.upper(), password=PASSWORD)})
        is_refused(ended(command, REDIS, "redis://127.0.0.1:1"), "cells.toml")


@pytest.mark.parametrize("option", PLAN)
def test_a_mall_is_not_added_at_what_is_no_address(ended, monkeypatch, tmp_path, option):
    scheme = PLAN[option].partition(":")[0]
    same = [name for name, url in PLAN.items() if url.startswith(scheme)]
    others = [word for name, url in PLAN.items() if name != option for word in (name, url)]
    monkeypatch.setitem(OF_CELLS, "cells add", ("south", *others))
    for pattern in NO_ADDRESSES[same.index(option) :: len(same)]:
        url = pattern.format(scheme=scheme, upper=scheme.upper(), password=PASSWORD)
        is_refused(ended("cells add", REDIS, "redis://127.0.0.1:1", f"{option}={url}"))
    assert not (tmp_path / "cells.toml").exists()
    assert not list(tmp_path.glob("secrets/**/*"))


@pytest.mark.parametrize("option", ["--redis-url", "--rabbitmq-url"])
def test_a_mall_is_not_moved_to_what_is_no_address(ended, monkeypatch, tmp_path, option):
    monkeypatch.setitem(OF_CELLS, "cells move", ("north",))
    scheme = PLAN[option].partition(":")[0]
    field = option.removeprefix("--").replace("-", "_")
    write_north(tmp_path)
    (tmp_path / field).write_text(NORTH[field])
    cells = tmp_path / "cells.toml"
    cells.write_text(cells.read_text().replace(f'{field} = "{NORTH[field]}"', f'{field}_file = "{field}"'))
    before = {file: file.read_bytes() for file in tmp_path.rglob("*")}
    for pattern in [*MALFORMED, *MISTYPED]:
        url = pattern.format(scheme=scheme, upper=scheme.upper(), password=PASSWORD)
        is_refused(ended("cells move", REDIS, "redis://127.0.0.1:1", f"{option}={url}"), option)
    assert {file: file.read_bytes() for file in tmp_path.rglob("*")} == before


@pytest.mark.parametrize("command", OF_CELLS)
def test_a_mall_where_nobody_answers_is_told_apart_from_one_that_is_not_there(ended, tmp_path, command):
    write_north(tmp_path)
    (tmp_path / "redis_url").write_text(NORTH["redis_url"])
    cells = tmp_path / "cells.toml"
    cells.write_text(cells.read_text().replace(f'redis_url = "{NORTH["redis_url"]}"', 'redis_url_file = "redis_url"'))
    code, out, err = ended(command, REDIS, "redis://127.0.0.1:1")
    assert code == (0 if command == "cells add" else 1), (out, err)
    assert "Traceback" not in out + err
    assert code == 0 or "127.0.0.1" in out + err


@pytest.mark.parametrize("mall", ["\udcff", "the south", "{south}", "", 65 * "m", "a\x1b[31m"])
def test_a_mall_is_not_added_by_what_is_no_name(ended, monkeypatch, tmp_path, mall):
    monkeypatch.setitem(OF_CELLS, "cells add", (mall.replace("{", "{{").replace("}", "}}"), *OF_CELLS["cells add"][1:]))
    is_refused(ended("cells add", REDIS, "redis://127.0.0.1:1"), "MALL: a mall's name has 1 to 64 characters")
    assert not list(tmp_path.glob("secrets/**/*"))


@pytest.mark.parametrize(("option", "scheme"), [("--management", "http"), ("--redis-admin", "redis")])
def test_a_mall_is_not_added_by_an_administrator_at_what_is_no_address(ended, tmp_path, option, scheme):
    file = tmp_path / "admin"
    for pattern in MALFORMED:
        file.write_bytes(pattern.format(scheme=scheme).encode(errors="surrogateescape"))
        is_refused(ended("cells add", REDIS, "redis://127.0.0.1:1", option, str(file)), f"error: {option}", str(file))
    assert not (tmp_path / "secrets").exists()
