"""Redis as the containers have it: nobody without a password, everybody with its own keys, and nothing lost."""

import ast
import asyncio
import re
from contextlib import asynccontextmanager

import pytest
from command_line import CommandLine
from eventlog_stores import NewLog, entered
from guarded_servers import GuardedRedis
from parkstream_eventlog import Appended
from parkstream_eventlog.functions import LOG
from parkstream_events.keys import BackendKeys, SummaryApiKeys
from parkstream_events.log_schema import LOG_SCHEMA
from parkstream_generators.redis_store import CAMERAS, Store
from parkstream_operations.findings import Level
from parkstream_operations.redis_findings import HIDDEN, of_redis
from parkstream_service.redis import connect
from parkstream_summaries import INDEX
from parkstream_summary_api.core.ledger import NOTHING_INDEXED, Ledger
from parkstream_summary_api.index import Index, IndexAwayError
from redis import Redis as BlockingRedis
from redis.asyncio import Redis
from redis.exceptions import AuthenticationError, NoPermissionError, ResponseError
from summary_items import item
from the_tree import ROOT

WAITING = "libs/service/src/parkstream_service/redis/replicas.py"
CODE = {
    "backend": ["libs/eventlog", "libs/projection", "apps/backend", WAITING],
    "cli": ["libs/eventlog", "libs/projection", "apps/cli"],
    "console": ["libs/eventlog", "libs/projection", "libs/operations", "apps/console"],
    "exit_generator": ["libs/generators", "apps/exit-generator", WAITING],
    "summary_api": ["libs/summaries", "apps/summary-api"],
}
"""Whose commands a user must be allowed; the entry generator needs a part of what the exit generator does."""
ELSEWHERE = {
    "backend": {"scan", "bgrewriteaof"},
    "console": {"scan", "bgrewriteaof", "acl", "save", "type"},
}
"""What is in that code for the command line: verify looks for keys that should not be there, backup for files.

Cells are moved by it, by type of key; whoever makes one gives it the address of who may.
"""
DANGEROUS = [["CONFIG", "SET", "appendonly", "no"], ["FLUSHALL"], ["KEYS", "*"], ["SHUTDOWN"], ["ACL", "LIST"]]
USERS = {
    "backend",
    "cli",
    "collector",
    "console",
    "entry_generator",
    "exit_generator",
    "health",
    "loader",
    "summary_api",
}
SERVICES = {"backend", "cli", "console", "entry_generator", "exit_generator", "summary_api"}
ENDLESS = """#!lua name=endless
redis.register_function{function_name='endless', flags={'no-writes'}, callback=function() while true do end end}"""
REFUSED = [
    *("EVAL return 0", "EVAL_RO return 0", "EVALSHA sha 0", "EVALSHA_RO sha 0", "SCRIPT LOAD return", "SCRIPT FLUSH"),
    *("FUNCTION DELETE parkstream_eventlog", "FUNCTION FLUSH", "FUNCTION DUMP", "FUNCTION RESTORE x"),
    *("CONFIG SET appendonly no", "CONFIG REWRITE", "CONFIG RESETSTAT", "ACL LIST", "ACL SETUSER cli +@all"),
    *("FLUSHALL", "FLUSHDB", "SWAPDB 0 1", "KEYS *", "SHUTDOWN NOSAVE", "MONITOR", "SAVE"),
    *("REPLICAOF NO ONE", "CLIENT LIST", "CLIENT KILL ID 1", "MODULE LIST", "PUBLISH channel x", "LATENCY RESET"),
    *("SORT parkstream:backend:{mall}:elsewhere", "SUBSCRIBE channel", "LASTSAVE", "SLOWLOG GET"),
    *("ACL GETUSER backend", "CLIENT NO-EVICT on", "COPY another-key other", "MOVE another-key 1"),
    *("GET another-key", "SET another-key x", "RESTORE key 0 x", "MIGRATE host 1 key 0 1"),
]
"""What nobody may do."""
RIGHTS = {
    "PING": USERS,
    "ROLE": SERVICES | {"loader"},
    "WAIT 0 1": {"backend", "entry_generator", "exit_generator"},
    "INFO": {"backend", "cli", "collector", "console"},
    "CONFIG GET maxmemory": {"backend", "cli", "console"},
    "FCALL no_such_function 0": SERVICES,
    "FUNCTION LIST": SERVICES | {"loader"},
    "FUNCTION LOAD no-library": {"loader"},
    "FUNCTION KILL": {"loader"},
    "SCRIPT KILL": {"loader"},
    "SCAN 0": {"cli"},
    "BGREWRITEAOF": {"cli"},
    "CLIENT UNPAUSE": {"cli"},
    "XADD parkstream:backend:{mall}:elsewhere * field value": {"backend", "cli", "console"},
    "HSET parkstream:backend:{mall}:log:meta field value": {"backend", "cli", "console"},
    "HSET parkstream:entry-generator:{mall}:elsewhere field value": {"entry_generator"},
    "HSET parkstream:exit-generator:{mall}:elsewhere field value": {"exit_generator"},
    "HSET parkstream:summary-api:{mall}:elsewhere field value": {"summary_api"},
    "HGET another-key field": set(),
    **{command: set() for command in REFUSED},
}
"""Who may do what; everybody else is refused."""
NO_COMMANDS = {"auth", "hello", "command", "cluster", "get"}
"""What needs no right, or reads like a command in the code and is none: HTTP has a GET, too."""


OF_EVERY_CLIENT = {"ping", "select", "role", "client", "function", "fcall"}
"""What the code that all services share sends."""


@pytest.fixture(scope="module")
def guarded(sandbox, tmp_path_factory):
    server = GuardedRedis(tmp_path_factory.mktemp("redis"))
    yield server
    server.stop()


@asynccontextmanager
async def connected(url):
    redis = connect(url)
    try:
        yield redis
    finally:
        await redis.aclose()


def plainly(guarded, user):
    """Return a client that sends nothing of its own accord, and waits as long as it takes."""
    return Redis.from_url(guarded.url_of(user), protocol=2, driver_info=None, socket_timeout=None)


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


@pytest.mark.parametrize("user", sorted(USERS))
async def test_a_user_may_do_what_it_needs_and_nothing_else(guarded, user):
    async with plainly(guarded, user) as redis:
        allowed = {command for command in RIGHTS if not await is_refused(redis, command)}
    assert allowed == {command for command, users in RIGHTS.items() if user in users}


async def is_refused(redis, command):
    try:
        await redis.execute_command(*command.split(" "))
    except NoPermissionError:
        return True
    except ResponseError:  # It may; what it asks for is not there.
        return False
    return False


async def test_a_function_that_does_not_end_is_ended_by_the_loader_alone(guarded):
    kill = {user: CommandLine({"PARKSTREAM_REDIS_URL": guarded.url_of(user)}) for user in ("cli", "loader")}
    async with plainly(guarded, "loader") as loader, plainly(guarded, "backend") as redis:
        await loader.function_load(ENDLESS, replace=True)
        endless = asyncio.create_task(redis.fcall("endless", 0))
        async with asyncio.timeout(30):
            while not await is_busy(loader):
                await asyncio.sleep(0)
        refused = await asyncio.to_thread(kill["cli"], "functions", "kill")
        ended = await asyncio.to_thread(kill["loader"], "functions", "kill")
        with pytest.raises(ResponseError, match="killed"):
            await endless
    assert "take the loader's" in refused.err
    assert ended.out == "ended\n"
    assert kill["loader"]("functions", "kill").out == "nothing runs\n"


async def is_busy(redis):
    try:
        await redis.ping()
    except ResponseError:
        return True
    return False


async def test_who_calls_functions_that_were_replaced_notices_and_goes_on_when_they_are_ours_again(guarded, mall):
    index = Index(connect(guarded.url_of("summary_api"), 3), SummaryApiKeys(mall), 8)
    camera = Store(connect(guarded.url_of("entry_generator"), 1), lambda _: None)
    watching = asyncio.create_task(index.watch())
    async with plainly(guarded, "loader") as loader:
        for library in (INDEX, CAMERAS):
            name = library.versioned_name
            await loader.function_load(library.source.replace(name, name.upper(), 1).replace(library.prefix, "x"))
        assert await index.mark() == NOTHING_INDEXED
        assert not await camera.problem(), "another library, whose name differs in case"
        for library in (INDEX, CAMERAS):
            await loader.function_load(library.source + "-- Another.", replace=True)
        await until(lambda: is_not_believed(index))
        assert "not those of this program" in await camera.problem()
        for library in (INDEX, CAMERAS):
            await loader.function_load(library.source, replace=True)
        await until(lambda: is_believed(index))
        assert not await camera.problem()
    watching.cancel()
    await index.close()
    await camera.close()


async def until(condition):
    async with asyncio.timeout(30):
        while not await condition():
            await asyncio.sleep(0.05)


async def is_not_believed(index):
    try:
        await index.look_up(["exit:1@1"])
    except IndexAwayError as error:
        return "not those of this program" in str(error)
    return False


async def is_believed(index):
    return not await is_not_believed(index)


def test_only_the_loader_loads_functions(guarded):
    load = {user: CommandLine({"PARKSTREAM_REDIS_URL": guarded.url_of(user)}) for user in ("backend", "loader")}
    assert load["loader"]("functions", "load").code == 0
    newer = LOG._replace(sources=(*LOG.sources, "-- Another.\n"))
    with BlockingRedis.from_url(guarded.url_of("loader"), protocol=2, driver_info=None) as redis:
        redis.function_load(newer.source, replace=True)
    assert "take the loader's" in load["backend"]("functions", "load").err
    assert f"parkstream_eventlog {LOG.version}: replaced" in load["loader"]("functions", "load").out


@pytest.mark.parametrize("user", CODE)
async def test_every_command_that_the_code_names_is_allowed(user, redis_server):
    async with connected(redis_server.url) as redis:
        known = {name.decode() for name in await redis.command_list()}
        allowed = await allowed_by(rules_of(user), redis)
    named = {word for folder in CODE[user] for word in words_in(ROOT / folder) if word.partition("|")[0] in known}
    assert "hset" in named
    assert sorted(named - allowed - NO_COMMANDS - ELSEWHERE.get(user, set())) == []


@pytest.mark.parametrize("user", ["exit_generator", "summary_api"])
def test_no_single_command_is_allowed_that_no_code_names(user):
    """Those that others have by category are the backend's, whose code may come to need another one."""
    named = {word for folder in CODE[user] for word in words_in(ROOT / folder)}
    given = {rule[1:].partition("|")[0] for rule in rules_of(user) if rule.startswith("+") and rule != "+@blocking"}
    assert given - named - OF_EVERY_CLIENT == set()


def rules_of(user):
    text = (ROOT / "libs/operations/src/parkstream_operations/cells/users.acl").read_text().replace("\\\n", " ")
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
    for file in [folder] if folder.is_file() else [*folder.rglob("*.lua"), *folder.rglob("*.py")]:
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


async def test_the_console_may_see_all_that_the_doctor_looks_at_and_who_may_not_is_told_so(guarded):
    async with connected(guarded.url_of("console")) as redis:
        found = await of_redis(redis, (LOG, INDEX))
    assert {one.level for one in found} == {Level.OK}
    async with connected(guarded.url_of("entry_generator")) as redis:
        found = await of_redis(redis, (LOG, INDEX))
    assert [one.found for one in found if one.about in {"Redis", "expiry", "memory"}] == [HIDDEN] * 3
