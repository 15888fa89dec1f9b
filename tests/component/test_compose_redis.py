"""Redis as the containers have it: nobody without a password, everybody with its own keys, and nothing lost."""

import ast
import os
import re
import signal
import subprocess
import sys
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from eventlog_stores import NewLog, entered
from parkstream_devtools import free_port
from parkstream_devtools.redis_functions import load_functions
from parkstream_devtools.servers.process import Process, answers
from parkstream_eventlog import Appended
from parkstream_events.keys import BackendKeys, SummaryApiKeys
from parkstream_events.log_schema import LOG_SCHEMA
from parkstream_service.redis import connect
from parkstream_summary_api.core.ledger import NOTHING_INDEXED, Ledger
from parkstream_summary_api.index import Index
from redis.asyncio import Redis
from redis.exceptions import AuthenticationError, NoPermissionError
from summary_items import item
from the_tree import ROOT

COMPOSE = ROOT / "deploy" / "compose"
CODE = {
    "backend": ["libs/eventlog", "libs/projection", "apps/backend"],
    "cli": ["libs/eventlog", "libs/projection", "apps/cli"],
    "exit_generator": ["libs/generators", "apps/exit-generator"],
    "summary_api": ["apps/summary-api"],
}
"""Whose commands a user must be allowed; the entry generator needs a part of what the exit generator does."""
ELSEWHERE = {"backend": {"scan", "bgrewriteaof"}}
"""What is in that code for the command line: verify looks for keys that should not be there, backup for files."""
DANGEROUS = [["CONFIG", "SET", "appendonly", "no"], ["FLUSHALL"], ["KEYS", "*"], ["SHUTDOWN"], ["ACL", "LIST"]]
NO_COMMANDS = {"auth", "hello", "command", "cluster", "get"}
"""What needs no right, or reads like a command in the code and is none: HTTP has a GET, too."""


class Guarded:
    """A Redis with the product's own configuration and users, which may be restarted."""

    def __init__(self, folder: Path) -> None:
        self.secrets = folder / "secrets"
        subprocess.run(
            [sys.executable, COMPOSE / "make_secrets.py", "--folder", self.secrets], check=True, capture_output=True
        )
        users = folder / "users.acl"  # Redis 7.0 knows no CLIENT SETINFO yet.
        users.write_text((self.secrets / "redis_users.acl").read_text().replace(" +client|setinfo", ""))
        self.port = free_port()
        told = {"port": str(self.port), "dir": str(folder), "aclfile": str(users)}
        options = [part for name, value in told.items() for part in (f"--{name}", value)]
        command = ["redis-server", str(COMPOSE / "redis" / "redis.conf"), *options, "--bind", "127.0.0.1"]
        self.process = Process("redis", command, dict(os.environ), folder / "log", lambda _: None)
        self.start()
        load_functions(self.url_of("cli"))

    def start(self):
        self.process.launch()
        self.process.wait_until(lambda: answers(self.port, b"AUTH health x\r\nPING\r\n", b"+OK\r\n+PONG"), 30)

    def stop(self):
        self.process.end(signal.SIGTERM, 20)

    def url_of(self, user):
        return (self.secrets / f"redis_url_{user}").read_text().replace("@redis:6379", f"@127.0.0.1:{self.port}")


@pytest.fixture(scope="module")
def guarded(sandbox, tmp_path_factory):
    server = Guarded(tmp_path_factory.mktemp("redis"))
    yield server
    server.stop()


@asynccontextmanager
async def connected(url):
    redis = connect(url)
    try:
        yield redis
    finally:
        await redis.aclose()


async def test_what_functions_wrote_outlives_a_restart(guarded, mall):
    async with connected(guarded.url_of("backend")) as redis:
        outcomes = await NewLog(redis, BackendKeys(mall), LOG_SCHEMA).append(
            [entered(f"id-{number}") for number in range(20)]
        )
        assert all(isinstance(outcome, Appended) for outcome in outcomes)
    guarded.stop()
    guarded.start()
    async with connected(guarded.url_of("backend")) as redis:
        state = await NewLog(redis, BackendKeys(mall), LOG_SCHEMA).state()
        assert (state.position, state.length) == (20, 20)


async def test_a_user_reaches_no_other_service_s_keys(guarded):
    foreign = ["parkstream:backend:{mall}:log:meta", "parkstream:summary-api:{mall}:index", "else"]
    async with connected(guarded.url_of("entry_generator")) as redis:
        await redis.hset("parkstream:entry-generator:{mall}:account", "made", 1)
        for command in [["HSET", key, "position", "1"] for key in foreign] + DANGEROUS:
            with pytest.raises(NoPermissionError):
                await redis.execute_command(*command)


async def test_the_summary_api_may_do_all_that_its_index_does(guarded, mall):
    index = Index(connect(guarded.url_of("summary_api"), 3), SummaryApiKeys(mall), 8)
    ledger = Ledger({}, NOTHING_INDEXED)
    ledger.take(item("1@1"))
    assert await index.commit(ledger)
    await index.drop([0])
    ((day, range_),) = (await index.look_up(["exit:1@1"])).absent.items()
    await index.begin_restoring(day)
    await index.restore(day, {"exit:1@1": ledger.entries("exit:1@1")})
    assert await index.restoring(day, ["exit:1@1"])
    await index.restored(day, range_)
    assert (await index.look_up(["exit:1@1"])).known
    assert (await index.counters())["lines"] == 1
    await index.forget()
    assert await index.mark() == NOTHING_INDEXED
    await index.close()


@pytest.mark.parametrize("credentials", ["", "default:@", "default:default@", "backend:backend@"])
async def test_nobody_gets_in_without_a_password_of_ours(guarded, credentials):
    async with connected(f"redis://{credentials}127.0.0.1:{guarded.port}") as redis:
        with pytest.raises(AuthenticationError):
            await redis.ping()


async def test_the_health_check_may_do_nothing_but_ask(guarded):
    async with Redis(port=guarded.port, username="health", password="any", protocol=2) as redis:
        assert await redis.ping()
        for command in (["HGETALL", "parkstream:backend:{mall}:log:meta"], ["INFO"], ["CONFIG", "GET", "port"]):
            with pytest.raises(NoPermissionError):
                await redis.execute_command(*command)


@pytest.mark.parametrize("user", CODE)
async def test_every_command_that_the_code_names_is_allowed(user, redis_server):
    async with connected(redis_server.url) as redis:
        known = {name.decode() for name in await redis.command_list()}
        allowed = await allowed_by(rules_of(user), redis)
    named = {word for folder in CODE[user] for word in words_in(ROOT / folder) if word.partition("|")[0] in known}
    assert "hset" in named
    assert sorted(named - allowed - NO_COMMANDS - ELSEWHERE.get(user, set())) == []


def rules_of(user):
    text = (COMPOSE / "redis" / "users.acl").read_text().replace("\\\n", " ")
    return next(line for line in text.splitlines() if line.startswith(f"user {user} ")).split()


async def allowed_by(rules, redis):
    allowed = set()
    for rule in rules:
        if rule.startswith("+@"):
            category = await redis.acl_cat(rule[2:])
            allowed |= {name.partition("|")[0] for name in category}
        elif rule.startswith("+"):
            allowed |= {rule[1:].partition("|")[0]}
    return allowed


def words_in(folder):
    """Return what may be Redis commands: what Lua calls, and what Python names in capitals or as a method."""
    for file in [*folder.rglob("*.lua"), *folder.rglob("*.py")]:
        text = file.read_text(encoding="utf-8")
        yield from (name.lower() for name in re.findall(r"redis\.call\('([A-Z]+)'", text))
        if file.suffix == ".py":
            for node in ast.walk(ast.parse(text)):
                if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.isupper():
                    yield node.value.split()[0].lower()
                if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Attribute | ast.Name):
                    owner = node.value.attr if isinstance(node.value, ast.Attribute) else node.value.id
                    if owner in {"redis", "_redis", "pipe", "pipeline", "untyped"}:
                        yield node.attr
