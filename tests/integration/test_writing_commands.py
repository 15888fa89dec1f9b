"""Every command that writes asks the mark first: in a Redis that came back empty or older it changes nothing."""

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import cyclopts
import pytest
from parkstream_cli.app import app
from parkstream_cli.errors import EXPECTED
from parkstream_devtools import RedisServer
from parkstream_devtools.faults import AofCopy
from parkstream_devtools.redis_functions import load_functions
from parkstream_eventlog import Candidate
from parkstream_events import wire
from parkstream_events.marks import Mark
from parkstream_messaging.mark_stream import MarkStream
from projections import HOUR, Mall, day_of_traffic, now_us, project

BROKEN: Final = 5
"""The position of a record that cannot be read."""
WRITES: Final = (
    f"log acknowledge {BROKEN} --reason why",
    "log accept-clock --yes",
    "log archive --through 12",
    "log restore",
    "outbox redrive --all",
    "outbox emit-missing --summaries none.jsonl",
    "replay",
    "replay --switch",
    "replay --version 3 --switch --deliver",
    "replay --rollback",
    "replay --drop 1",
)
"""In an order in which each finds something to do."""
IMPORTS: Final = ("log import other.jsonl", "log import same.jsonl")
READS: Final = (
    "config --json",
    "doctor",
    "trace CAR1",
    "log verify",
    "log export more.jsonl",
    "log tail",
    "log show 1",
    "log find --plate CAR1",
    "log stats",
    "log unreadable",
    "log archive --through 12 --dry-run",
    "log restore --dry-run",
    "log accept-clock",
    "visit CAR1",
    "replay --check",
    "replay --list",
    "replay --to 5",
    "replay --set MAX_STAY_SECONDS=60",
    "outbox parked",
    "outbox redrive --all --dry-run",
    "outbox emit-missing --summaries none.jsonl --dry-run",
    "cells list",
    "cells check",
    "dead-letters list",
    "dead-letters show 1",
    "dead-letters redrive --all",
    "republish --flat-out",
)
"""Of Redis; the last two send to RabbitMQ."""
APART: Final = {
    "demo": "has a Redis of its own",
    "up": "has a Redis of its own",
    "backup": "only copies, whatever Redis holds",
    "restore": "writes the files of a Redis that does not run; whoever starts on it compares",
    "log adopt": "makes what there is the right log",
    "cells add": "makes users, and touches no key",
    "cells move": "asks the mark of both places, and holds each step to the one before",
    "functions load": "comes before there is any log",
    "functions kill": "ends a function that hangs, and only one that has written nothing",
}


class Scene(NamedTuple):
    """A mall whose newest state the mark knows, and how to bring its Redis back to another one."""

    shop: Mall
    server: RedisServer
    older: AofCopy
    newest: AofCopy

    async def returns(self, copy: AofCopy | None) -> None:
        """Let Redis come back with *copy*, or empty, but with its functions: they are not what stops anybody."""
        if copy is not None:
            copy.put_back()
            await self.shop.redis.connection_pool.disconnect()
        else:
            await self.shop.redis.flushall()
            load_functions(self.server.url)


async def run(words: str) -> str:
    """Run a command in this process; return what it says against it, nothing when it ends well."""

    def ended() -> str:
        try:
            app(words.split())
        except EXPECTED as error:
            return str(error) or type(error).__name__
        except SystemExit as end:
            return str(end.code or "")
        return ""

    return await asyncio.to_thread(ended)


def commands(of: cyclopts.App, words: tuple[str, ...] = ()) -> Iterator[str]:
    """Yield the commands that there are."""
    names = [name for name in of if not name.startswith("-")]
    if not names:
        yield " ".join(words)
    for name in names:
        yield from commands(of[name], (*words, name))


def test_what_each_command_does_to_redis_is_decided():
    tried = {*WRITES, *IMPORTS, *READS, *APART}
    undecided = [name for name in commands(app) if not any(f"{words} ".startswith(f"{name} ") for words in tried)]
    assert undecided == []


@pytest.fixture
async def scene(redis_server: RedisServer, rabbitmq_url: str, mall: str, tmp_path: Path, monkeypatch) -> Any:
    monkeypatch.chdir(tmp_path)
    for name, value in {
        "REDIS_URL": redis_server.url,
        "RABBITMQ_URL": rabbitmq_url,
        "MALL": mall,
        "ARCHIVE_DIR": str(tmp_path / "archive"),
    }.items():
        monkeypatch.setenv(f"PARKSTREAM_{name}", value)
    (tmp_path / "none.jsonl").touch()
    shop = Mall(redis_server.url, mall)
    sightings = day_of_traffic(40, now_us() - HOUR)
    sightings.insert(BROKEN - 1, Candidate(wire.ENTERED, "broken", b"{", now_us() - HOUR, "entry"))
    await shop.log.append(sightings[:50])
    await project(shop.projector())
    delivered, refused = await shop.outbox.take("test", 5, 1_000), await shop.outbox.take("test", 3, 1_000)
    await shop.outbox.settle([entry.id for entry in delivered])
    for entry in refused:
        await shop.outbox.park(entry, "conflict: other")
    monkeypatch.setenv("PARKSTREAM_COPY", "true")
    for words in ("log archive --through 10", "replay --switch", "log export same.jsonl"):
        assert not await run(words)
    monkeypatch.delenv("PARKSTREAM_COPY")
    exported = (tmp_path / "same.jsonl").read_text()
    log_id = await shop.log.create()
    (tmp_path / "other.jsonl").write_text(exported.replace(log_id, "another"))
    older = AofCopy(redis_server, tmp_path / "older")
    await shop.log.append(sightings[50:])
    await project(shop.projector(version=2))
    await known_to_be_durable(rabbitmq_url, Mark(mall=mall, log_id=log_id, position=len(sightings), since_us=1))
    yield Scene(shop, redis_server, older, AofCopy(redis_server, tmp_path / "newest"))
    await shop.close()


async def known_to_be_durable(url: str, mark: Mark) -> None:
    marks = MarkStream(url)
    await marks.follow()
    await marks.renew(mark)
    await marks.close()


async def changes_nothing(scene: Scene, problem: str, commands: Sequence[str] = WRITES) -> None:
    before = await scene.shop.kept()
    for words in commands:
        assert problem in await run(words), words
        assert await scene.shop.kept() == before, words


async def test_every_command_writes_where_the_log_is_right_and_nowhere_else(scene: Scene, monkeypatch):
    for variable, other in (("MALL", "another"), ("RABBITMQ_URL", "amqp://127.0.0.1:1/")):
        with monkeypatch.context() as changed:
            changed.setenv(f"PARKSTREAM_{variable}", other)
            await changes_nothing(scene, "PARKSTREAM_COPY=true", (*WRITES, *IMPORTS))
    await scene.returns(scene.older)
    await changes_nothing(scene, "the log ends at 50, ")
    await scene.returns(None)
    await changes_nothing(scene, "holds no log")
    await changes_nothing(scene, "", READS)
    await changes_nothing(scene, "the mark names the log", IMPORTS[:1])
    assert await scene.shop.kept() == {}
    assert not await run(IMPORTS[1])
    await changes_nothing(scene, "the log ends at 50, ", WRITES[:1])
    await scene.returns(scene.newest)
    for words in WRITES:
        before = await scene.shop.kept()
        assert not await run(words), words
        assert await scene.shop.kept() != before, words
