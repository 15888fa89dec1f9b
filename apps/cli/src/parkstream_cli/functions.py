"""``parkstream functions``: what services call in Redis, loaded before they start."""

import cyclopts
from msgspec import Struct
from parkstream_devtools.redis_functions import kill_function, load_functions
from parkstream_service.redis import Loaded, code_of
from parkstream_service.settings import hosts_of
from parkstream_service.unreachable import reason
from redis.exceptions import NoPermissionError, RedisError, ResponseError

from parkstream_cli.connections import VARIABLE, client_of, settings_here, unreachable
from parkstream_cli.errors import ToolError
from parkstream_cli.output import AsJson, as_json, line

app = cyclopts.App(name="functions", help="Load the functions that services call in Redis; end one that does not end.")

NOT_ALLOWED = "the user of PARKSTREAM_REDIS_URL may not {what}: take the loader's (docs/security.md)"


class LoadedLibrary(Struct, frozen=True):
    """A library of functions, and what became of it."""

    name: str
    version: int
    state: Loaded


class LoadedLibraries(Struct, frozen=True):
    """All of them, and the Redis that has them."""

    redis: str
    libraries: list[LoadedLibrary]


@app.command
def load(*, json: AsJson = False) -> None:
    """Load all functions into the Redis at PARKSTREAM_REDIS_URL: before services start, and before an upgrade.

    Services load none themselves: until theirs are there they wait, and /health/ready says so. Functions of other
    versions stay, so that services of both may run meanwhile. What is there already is left as it is, also when Redis
    is full.
    """
    settings = settings_here()
    client_of(settings)  # Raises for an address that asks for what no client can.
    url = settings.redis_url
    try:
        done = load_functions(url)
    except NoPermissionError as error:
        raise ToolError(NOT_ALLOWED.format(what="load functions")) from error
    except RedisError as error:
        raise unreachable(url, reason(error), VARIABLE) from error
    found = LoadedLibraries(hosts_of(url), [LoadedLibrary(one.name, one.version, how) for one, how in done.items()])
    if json:
        as_json(found)
        return
    for one in found.libraries:
        line(f"{one.name} {one.version}: {one.state}")


@app.command
def kill() -> None:
    """End the function or script that keeps Redis busy, if one does.

    One that has written cannot be ended so: Redis would keep half of what it does.
    """
    settings = settings_here()
    client_of(settings)
    url = settings.redis_url
    try:
        ended = kill_function(url)
    except NoPermissionError as error:
        raise ToolError(NOT_ALLOWED.format(what="end functions")) from error
    except ResponseError as error:
        if code_of(error) != "UNKILLABLE":
            raise unreachable(url, reason(error), VARIABLE) from error
        problem = "it has written: kill -9 Redis, which then starts without what this function wrote"
        raise ToolError(problem) from error
    except RedisError as error:
        raise unreachable(url, reason(error), VARIABLE) from error
    line("ended" if ended else "nothing runs")
