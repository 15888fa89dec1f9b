"""The command line beside the lite stack: every command, as its own user, and nothing of the stack is touched."""

import json
import re

import pytest
from compose_stack import documented_commands
from parkstream_cli.app import app

PUBLISH_NO_EVENT = """
import asyncio, pathlib
import aio_pika

async def main():
    connection = await aio_pika.connect(pathlib.Path("/run/secrets/rabbitmq_url_entry_generator").read_text())
    async with connection, connection.channel(on_return_raises=True) as channel:
        exchange = await channel.get_exchange("parking.events")
        await exchange.publish(aio_pika.Message(b"no event", message_id="bad-1"), "vehicle.entered")

asyncio.run(main())
"""
CELL = (
    "--rabbitmq-url amqp://rabbitmq:5672 --redis-url redis://redis:6379 "
    "--backend-url http://backend:8001 --summary-url http://summary-api:8000"
)
COMMANDS = [
    ("doctor", 0, "position"),
    ("config", 1, "exec backend app config"),
    ("demo", 1, "cannot be found on PATH"),
    ("up", 1, "cannot be found on PATH"),
    ("visit {plate}", 0, "{trace}"),
    ("trace {plate}", 0, "trace {trace}"),
    ("trace {visit}", 0, "{visit}, completed"),
    ("trace {trace}", 0, "write"),
    ("trace AB12", 1, "only the newest spans are kept"),
    ("dead-letters list", 0, "bad-1"),
    ("dead-letters show bad-1", 0, "no event"),
    ("dead-letters redrive --id bad-1", 0, "1 redriven"),
    ("log stats", 0, "vehicle.entered.v1"),
    ("log tail 3", 0, ".v1"),
    ("log show 2", 0, "body"),
    ("log find --plate {plate}", 0, "{plate}"),
    ("log unreadable", 0, "can be read"),
    ("log acknowledge 2 --reason test", 1, "not listed as unreadable"),
    ("log verify", 0, "ok: checked"),
    ("log export -", 0, "published_at_us"),
    ("log import -", 1, "the log is not empty"),
    ("log accept-clock", 1, "take it with --yes"),
    ("log adopt", 0, "nothing to adopt"),
    ("functions load", 0, "parkstream_eventlog"),
    ("functions kill", 1, "take the loader's"),
    ("log archive --keep 20", 0, "the log holds 20 records now"),
    ("log restore", 0, "restored"),
    ("log verify", 0, "ok: checked"),
    ("backup /tmp/backup", 0, "backed up"),
    ("restore /tmp/backup", 1, "stop it first"),
    ("outbox parked", 0, "no summary is parked"),
    ("outbox redrive --all", 0, "0 put back"),
    ("outbox emit-missing --dry-run", 0, "are not in the file"),
    ("outbox emit-missing", 0, "emitted again"),
    ("replay --check", 0, "equal"),
    ("replay --switch", 0, "is live"),
    ("replay --rollback", 0, "is live"),
    ("replay --list", 0, "live"),
    ("replay --to 20", 0, "emitted"),
    ("republish --from 1 --to 20 --flat-out", 0, "positions 1 to 20"),
    ("doctor --signoz --json", 1, "./dev doctor --signoz on the host"),
    ("cells list", 2, "begin one with parkstream cells add"),
    ("cells check", 2, "begin one with parkstream cells add"),
    ("cells move north --redis-url redis://new:6379", 2, "begin one with parkstream cells add"),
    (f"cells add north {CELL} --dry-run", 0, "would be written"),
]
"""What is run, its exit code, and a part of what it prints, on whichever stream."""
pytestmark = pytest.mark.timeout(1_200)


@pytest.fixture(scope="module")
def car(stack):
    """A car whose visit is on disk, among others, beside a message that is no event."""
    stack.drive(30, rate=30)
    assert stack.wrong() == []
    stack.compose("exec", "-T", "entry-generator", "python", "-c", PUBLISH_NO_EVENT)
    lines = stack.compose("exec", "-T", "summary-api", "cat", "/data/summaries.jsonl").splitlines()
    last = [line for line in map(json.loads, lines) if line["outcome"] == "completed"][-1]
    said = json.loads(stack.cli("visit", "--json", last["vehicle_plate"]).out)
    trace = re.search(r'"traceparent": ?"00-(\w+)-', json.dumps(said["visits"][-1]["revisions"]))
    return {"plate": last["vehicle_plate"], "visit": last["visit_id"], "trace": trace[1]}


def known(commands, path=""):
    """Yield every command that can be given."""
    for name in commands:
        if not name.startswith("-"):
            inner = list(known(commands[name], f"{path}{name} "))
            yield from inner or [f"{path}{name}"]


def test_every_command_is_tried():
    tried = [words for words, _, _ in COMMANDS]
    documented = [line.partition(" > ")[0] for line in documented_commands() if line.startswith("parkstream ")]
    assert {line.removeprefix("parkstream ").replace("PLATE", "{plate}") for line in documented} <= set(tried)
    assert [name for name in known(app) if not any(f"{words} ".startswith(f"{name} ") for words in tried)] == []


@pytest.mark.parametrize(("words", "code", "part"), COMMANDS, ids=[words for words, _, _ in COMMANDS])
def test_a_command_does_its_work_and_leaves_the_stack_as_it_is(stack, car, words, code, part):
    before = stack.belongings()
    answer = stack.cli(*words.format(**car).split())
    assert answer.code == code, answer.out + answer.err
    assert part.format(**car) in " ".join((answer.out + answer.err).split())
    assert stack.belongings() == before


def test_nobody_was_refused(stack):
    assert [line for line in stack.compose("logs", "rabbitmq").splitlines() if "'cli'" in line] == []


def test_doctor_says_what_is_away_and_does_not_start_it(stack):
    stack.compose("stop", "redis")
    before = stack.belongings()
    answer = stack.cli("doctor")
    after = stack.belongings()
    stack.compose("start", "redis")
    assert (answer.code, after) == (1, before)
    assert "start Redis" in " ".join(answer.out.split())
    stack.until(lambda: stack.healthy("redis") and stack.healthy("backend"), lambda: "they are not healthy again")
