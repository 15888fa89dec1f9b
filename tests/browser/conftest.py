"""A mall with a console, which the tests of a module share, and people with browsers who look at it."""

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from itertools import count
from types import SimpleNamespace

import pytest
from console_page import OPERATOR, TOKEN, Visitor, chromium, write_people
from parkstream_devtools import free_port
from pipeline import Pipeline
from small_mall import SmallMall

_numbers = count(1)


@pytest.fixture(scope="module")
def town(sandbox, servers) -> Iterator[SimpleNamespace]:
    """The small mall, all of whose cars have passed, its pipeline at work, and a console that shows it.

    ``pipeline``, ``console`` (its process), ``url``, ``restart()``, ``do(coroutine)``: Playwright has the main thread's
    loop.
    """
    name = f"browser-{next(_numbers)}"
    with ExitStack() as stack:
        url = servers.rabbitmq.add_vhost(name)
        stack.callback(servers.rabbitmq.delete_vhost, name)

        def run(module, environ, *, port=0, ready=True):
            process = sandbox.service(module, {**environ, "PARKSTREAM_PORT": str(port or free_port())})
            stack.callback(lambda: process.alive and process.terminate())
            if ready:
                process.wait_ready()
            return process

        pipeline = Pipeline(run, servers.redis.url, url, name, sandbox.folder)
        pipeline.start()
        worker = stack.enter_context(ThreadPoolExecutor(1))
        town = SimpleNamespace(pipeline=pipeline, run=run, do=lambda work: worker.submit(asyncio.run, work).result())
        town.small_mall = SmallMall(pipeline)
        town.do(town.small_mall.live())
        town.environ = environment(pipeline, sandbox.folder / f"{name}.people.json")
        town.console = run("parkstream_console", town.environ)
        town.url = town.console.url
        yield town


def environment(pipeline: Pipeline, people) -> dict[str, str]:
    write_people(people)
    return {
        **pipeline.environ,
        "PARKSTREAM_PEOPLE_FILE": str(people),
        "PARKSTREAM_API_TOKEN": TOKEN,
        "PARKSTREAM_SESSION_KEY": "k" * 32,
        "PARKSTREAM_CAPACITY": "100",
        "PARKSTREAM_TIME_ZONE": "Europe/Berlin",
        "PARKSTREAM_SUMMARY_URL": pipeline.api.url,
        "PARKSTREAM_BACKEND_URL": pipeline.backends[0].url,
    }


@pytest.fixture(scope="module")
def browser():
    with chromium() as browser:
        yield browser


@pytest.fixture
def visitor(browser, town) -> Iterator[Callable[..., Visitor]]:
    """Bring one more person with a browser; in the end none has complained, or asked anybody else."""
    people: list[Visitor] = []

    def come(url: str = "", **options: object) -> Visitor:
        people.append(Visitor(browser, url or town.url, **options))
        return people[-1]

    yield come
    for person in people:
        person.close()


@pytest.fixture
def page(visitor):
    """A page of an operator who has logged in."""
    return visitor().log_in(OPERATOR)
