"""A mall is made a cell: what RabbitMQ and Redis have of it afterwards, and that no mall reaches another one's."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

import aio_pika
import pytest
from aio_pika.exceptions import CONNECTION_EXCEPTIONS, AMQPError
from command_line import CommandLine
from parkstream_devtools import RabbitServer, RedisServer, Sandbox
from parkstream_events.keys import BackendKeys, Database, EntryGeneratorKeys, ExitGeneratorKeys, SummaryApiKeys
from parkstream_operations.cells.cells_file import read_cells
from parkstream_operations.cells.rights import ROLES
from parkstream_operations.cells.secret_files import FOLDER, folder_name
from pipeline import Pipeline
from pipeline_traffic import Cars
from redis import Redis
from redis.exceptions import NoPermissionError, ResponseError

NORTH, ODD = "north", "n[o/ü]*?"
"""The name of the second one is a pattern that the first one's keys match."""
KEYS: Final = {
    "backend": BackendKeys,
    "cli": BackendKeys,
    "console": BackendKeys,
    "entry_generator": EntryGeneratorKeys,
    "exit_generator": ExitGeneratorKeys,
    "summary_api": SummaryApiKeys,
}
WRITES: Final = ["HSET {} a b", "DEL {}", "UNLINK {}", "EXPIREAT {} 1", "RENAME {0} {0}", "XADD {} * a b", "SADD {} a"]


class Place(NamedTuple):
    """Where malls are made, and the command line that makes them."""

    redis: RedisServer
    rabbitmq: RabbitServer
    folder: Path
    run: CommandLine

    def add(self, mall: str, *more: str) -> dict[str, Any]:
        words = ["--rabbitmq-url", f"amqp://127.0.0.1:{self.rabbitmq.port}", "--redis-url", self.redis.url]
        here = "north" if mall == NORTH else "other"
        services = ["--backend-url", f"http://{here}:1", "--summary-url", f"http://{here}:2"]
        admins = ["--management", str(self.folder / "management"), "--redis-admin", str(self.folder / "admin")]
        done: dict[str, Any] = self.run("cells", "add", mall, *words, *services, *admins, "--json", *more).object
        return done

    def url(self, mall: str, role: str, server: str = "redis") -> str:
        return (self.folder / FOLDER / folder_name(mall) / f"{server}_url_{role}").read_text()

    def admin(self, database: int = 0) -> Any:
        return Redis(port=self.redis.port, db=int(database), protocol=2)

    def vhosts(self) -> str:
        return self.rabbitmq.control("list_vhosts", "name")


@pytest.fixture
def place(sandbox, rabbitmq_server: RabbitServer, tmp_path: Path) -> Iterator[Place]:
    acl = tmp_path / "users.acl"
    acl.write_text("user default on nopass ~* &* +@all\n")
    redis = sandbox.redis(aclfile=str(acl))
    (tmp_path / "admin").write_text(redis.url)
    management = rabbitmq_server.management_url.removesuffix("/api")
    (tmp_path / "management").write_text(management.replace("://", "://guest:guest@"))
    cells = {"PARKSTREAM_CELLS": str(tmp_path / "cells.toml")}
    yield Place(redis, rabbitmq_server, tmp_path, CommandLine(cells))
    redis.kill()
    for mall in (NORTH, ODD):
        rabbitmq_server.delete_vhost(mall)


def states(done: dict[str, Any]) -> set[str]:
    return {step["state"] for step in done["steps"]}


def test_a_dry_run_makes_nothing_and_a_second_run_finds_all_there(place: Place):
    planned = place.add(NORTH, "--dry-run")
    assert states(planned) == {"would be written", "would be made"}
    assert NORTH not in place.vhosts()
    assert {file.name for file in place.folder.iterdir()} == {"users.acl", "admin", "management"}
    made = place.add(NORTH)
    assert states(made) == {"written", "made"}
    assert [step["what"] for step in made["steps"]] == [step["what"] for step in planned["steps"]]
    assert made["to_do"] == []
    before = {file: file.read_bytes() for file in place.folder.rglob("*") if file.is_file()}
    assert states(place.add(NORTH)) == {"there"}
    assert {file: file.read_bytes() for file in place.folder.rglob("*") if file.is_file()} == before
    assert Path(made["secrets"]).stat().st_mode & 0o777 == 0o700


def test_what_somebody_changed_is_put_right_and_users_outlive_redis(place: Place):
    place.add(NORTH)
    place.rabbitmq.control("set_permissions", "-p", NORTH, f"{NORTH}.backend", ".*", ".*", ".*")
    with place.admin() as admin:
        admin.execute_command("ACL", "SETUSER", f"{NORTH}.backend", "~*")
    changed = [(step["what"], step["name"]) for step in place.add(NORTH)["steps"] if step["state"] == "changed"]
    assert changed == [("permission", f"{NORTH}.backend {NORTH}"), ("Redis user", f"{NORTH}.backend")]
    place.redis.kill()
    place.redis.start()
    with Redis.from_url(place.url(NORTH, "backend"), protocol=2, driver_info=None) as backend:
        assert backend.hgetall(BackendKeys(NORTH).log_meta) == {}
        with pytest.raises(NoPermissionError):
            backend.hgetall("else")


def test_another_place_for_a_mall_that_is_listed_is_refused(place: Place):
    place.add(NORTH)
    words = ["--rabbitmq-url", "amqp://q", "--redis-url", "redis://r", "--summary-url", "http://north:2"]
    refused = place.run("cells", "add", NORTH, *words, "--backend-url", "http://other:1")
    assert refused.code == 2
    assert "has the mall 'north' with another backend_url" in refused.err
    for words in (["add", "south", "--rabbitmq-url", "amqp://q", "--backend-url", "http://b:1"], ["move", NORTH]):
        services = ["--summary-url", "http://s:1"] if words[0] == "add" else []
        refused = place.run("cells", *words, "--redis-url", "redis://user:hunter2@r", *services)
        assert (refused.code, "hunter2" in refused.err) == (2, False)
        assert "it has a user and a password" in refused.err


async def test_malls_on_the_same_servers_work_and_reach_nothing_of_each_other(
    place: Place, run_service, tmp_path: Path
):
    for mall in (NORTH, ODD):
        place.add(mall)
        await live(place, mall, Pipeline(run_service, "", place.url(mall, "cli", "rabbitmq"), mall, tmp_path / "files"))
    cells = read_cells(place.folder / "cells.toml").malls
    assert cells.keys() == {NORTH, ODD}
    for ours, theirs in ((NORTH, ODD), (ODD, NORTH)):
        for database in Database:
            keys = keys_of(place, theirs, database)
            assert keys, "there is something to reach"
            for role in ROLES:
                assert reached(place.url(ours, role), database, keys) == set()
        for role in ROLES[:-1]:
            server = place.url(ours, role, "rabbitmq").rpartition("/")[0]
            with pytest.raises((*CONNECTION_EXCEPTIONS, AMQPError)):
                await aio_pika.connect(f"{server}/{vhost_of(place, theirs)}")


async def test_a_mall_is_moved_with_the_rights_that_it_has_and_taken_back(
    place: Place, sandbox: Sandbox, run_service, tmp_path: Path
):
    place.add(NORTH)
    cli = place.url(NORTH, "cli")
    await live(place, NORTH, Pipeline(run_service, "", place.url(NORTH, "cli", "rabbitmq"), NORTH, tmp_path / "files"))
    (tmp_path / "new.acl").write_text("user default on nopass ~* &* +@all\n")
    new = sandbox.redis(aclfile=str(tmp_path / "new.acl"))
    (tmp_path / "new_admin").write_text(new.url)
    there = ("--redis-url", new.url, "--redis-admin", str(tmp_path / "new_admin"))
    ended = place.run("cells", "move", NORTH, *there, "--restart", "false")
    assert "false ended with 1" in ended.err
    for role in ROLES:
        assert place.url(NORTH, role).endswith(f":{new.port}")
    with Redis.from_url(place.url(NORTH, "backend"), protocol=2, driver_info=None) as backend:
        assert backend.xlen(BackendKeys(NORTH).log) > 0
    assert place.run("cells", "move", NORTH, "--back").code == 0
    assert place.url(NORTH, "cli") == cli
    new.kill()


async def live(place: Place, mall: str, pipeline: Pipeline) -> None:
    """Let cars come and go through services that have the users of *mall*; leave something in every database."""
    pipeline.file.parent.mkdir(exist_ok=True)
    pipeline.file = pipeline.file.with_name(f"{len(mall)}.jsonl")
    pipeline.start_api({"PARKSTREAM_REDIS_URL": place.url(mall, "summary_api")})
    urls = {f"PARKSTREAM_{server.upper()}_URL": place.url(mall, "backend", server) for server in ("redis", "rabbitmq")}
    pipeline.start_backend(urls)
    pipeline.environ["PARKSTREAM_REDIS_URL"] = place.url(mall, "cli")
    async with Cars(pipeline.rabbitmq_url) as cars:
        await cars.drive(5)
        await pipeline.balances(cars.traffic)
    for role, database in (("entry_generator", 1), ("exit_generator", 2)):
        with Redis.from_url(place.url(mall, role), db=int(database), protocol=2, driver_info=None) as camera:
            camera.hset(KEYS[role](mall).key("account"), "made", 1)


def keys_of(place: Place, mall: str, database: int) -> dict[str, bytes]:
    """Return the keys of *mall* with their types."""
    with place.admin(database) as admin:
        mine = [key.decode() for key in admin.scan_iter(count=1000) if f"{{{mall}}}" in key.decode()]
        return {key: admin.type(key) for key in mine}


def reached(url: str, database: int, keys: dict[str, bytes]) -> set[str]:
    """Return the commands on *keys* that Redis does not refuse to whoever *url* names."""
    done: set[str] = set()
    with Redis.from_url(url, db=int(database), protocol=2, driver_info=None) as redis:
        for key, kind in keys.items():
            writes = [[word.format(key) for word in one.split()] for one in WRITES]
            for command in [*of_kind(key, kind), *writes]:
                try:
                    redis.execute_command(*command)
                except NoPermissionError:
                    continue
                except ResponseError as error:
                    done.add(f"{command}: {error}")
                else:
                    done.add(str(command))
    return done


def of_kind(key: str, kind: bytes) -> list[list[str]]:
    """Return what reads a key of this *kind*, also through a function."""
    return {
        b"hash": [["HGETALL", key], ["HKEYS", key]],
        b"stream": [["XRANGE", key, "-", "+"], ["XLEN", key]],
        b"zset": [["ZRANGE", key, "0", "-1"]],
        b"set": [["SMEMBERS", key]],
    }[kind] + [["FCALL_RO", "parkstream_at_once_1", "1", key, "2", "TYPE", key]]


def vhost_of(place: Place, mall: str) -> str:
    return urlsplit(place.url(mall, "backend", "rabbitmq")).path.removeprefix("/")
