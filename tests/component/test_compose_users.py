"""Every service and command works as its own user, with its own rights and no others, on real servers."""

import asyncio

import aio_pika
import pytest
from command_line import CommandLine
from generator_client import finished, reached
from guarded_servers import GuardedRabbit, GuardedRedis
from parkstream_devtools.redis_functions import load_functions
from parkstream_events import topology
from pipeline import Pipeline
from summary_client import Client

CAMERAS = {"PARKSTREAM_RATE": "40", "PARKSTREAM_DWELL_MEDIAN_SECONDS": "0.2"}
COMMANDS = [
    ("doctor --json", "parking.entries"),
    ("log stats", "vehicle.entered.v1"),
    ("log verify", "ok: checked"),
    ("log archive --keep 5", "the log holds 5 records now"),
    ("log restore", "restored"),
    ("log adopt", "nothing to adopt"),
    ("dead-letters list", "bad-1"),
    ("dead-letters show bad-1", "backend"),
    ("dead-letters redrive --id bad-1", "1 redriven"),
    ("outbox parked", "no summary is parked"),
    ("replay --check", "equal"),
    ("replay --switch", "is live"),
    ("republish --from 1 --to 5 --flat-out", "positions 1 to 5"),
]
"""What is run as the command line's user, and a part of what it prints."""
ASKED = ("/v1/state", "/v1/inside", "/v1/visits/CAR1", "/v1/parked", "/", "/find?q=CAR1", "/time", "/todo", "/running")
"""What the console is asked as its own user."""


class Mall:
    """A pipeline whose services each log in as themselves."""

    def __init__(self, pipeline, run_service, rabbitmq, redis, folder):
        self.pipeline = pipeline
        self._run = run_service
        self._rabbitmq, self._redis = rabbitmq, redis
        pipeline.environ["PARKSTREAM_ARCHIVE_DIR"] = str(folder / "archive")

    def as_user(self, user):
        """Return what a service or command of *user* is told; nobody logs in to RabbitMQ who has no user there."""
        rabbitmq = {} if user in {"summary_api", "loader"} else {"PARKSTREAM_RABBITMQ_URL": self._rabbitmq.url_of(user)}
        return rabbitmq | {"PARKSTREAM_REDIS_URL": self._redis.url_of(user)}

    def start(self):
        """Start everything, each role of the backend as a process of its own; generators come first, and wait."""
        environ = self.pipeline.environ | CAMERAS
        self.cameras = [
            self._run(f"parkstream_{user}", environ | self.as_user(user), ready=False)
            for user in ("exit_generator", "entry_generator")
        ]
        self.pipeline.start_api(self.as_user("summary_api"))
        for role in ("record", "project", "deliver"):
            self.pipeline.start_backend({"PARKSTREAM_ROLES": role, **self.as_user("backend")})
        at = {"PARKSTREAM_SUMMARY_URL": self.pipeline.api.url}
        self.console = self._run("parkstream_console", environ | at | self.as_user("console"))
        for camera in self.cameras:
            camera.wait_ready()


@pytest.fixture
def mall_of_users(run_service, rabbitmq_server, tmp_path, mall):
    redis = GuardedRedis(tmp_path)
    rabbitmq = GuardedRabbit(rabbitmq_server, tmp_path)
    pipeline = Pipeline(run_service, "", "", mall, tmp_path)
    yield Mall(pipeline, run_service, rabbitmq, redis, tmp_path)
    redis.stop()


@pytest.mark.usefixtures("sandbox")
async def test_cars_pass_and_every_command_works_each_as_its_own_user(mall_of_users, rabbitmq_server):
    pipeline = mall_of_users.pipeline
    await asyncio.to_thread(mall_of_users.start)
    exits, entries = mall_of_users.cameras
    async with await aio_pika.connect(
        mall_of_users.as_user("entry_generator")["PARKSTREAM_RABBITMQ_URL"]
    ) as connection:
        channel = await connection.channel()
        exchange = await channel.get_exchange(topology.EVENTS_EXCHANGE, ensure=False)
        await exchange.publish(aio_pika.Message(b"no event", message_id="bad-1"), topology.ENTERED_KEY)
    await reached(exits, lambda now: now["matched"] > 10)
    for camera in (entries, exits):
        await finished(camera)
    await pipeline.until(lambda: pipeline.stats()["lines"] > 10)
    parkstream = CommandLine(
        pipeline.environ
        | mall_of_users.as_user("cli")
        | {"PARKSTREAM_BACKEND_URL": pipeline.backends[0].url, "PARKSTREAM_SUMMARY_URL": pipeline.api.url}
    )
    answers = {path: Client(mall_of_users.console.port).ask(path).status for path in ASKED}
    assert set(answers.values()) <= {200, 404}, answers
    for words, part in COMMANDS:
        answer = await asyncio.to_thread(parkstream, *words.split())
        assert part in answer.out + answer.err, (words, answer)
        assert "NOPERM" not in answer.out + answer.err, (words, answer)
        assert "ACCESS_REFUSED" not in answer.out + answer.err, (words, answer)
    loaded = load_functions(mall_of_users.as_user("loader")["PARKSTREAM_REDIS_URL"])
    assert set(loaded.values()) == {"present"}
    logs = [file.read_text() for file in (rabbitmq_server.folder / "log").glob("*.log")]
    assert logs
    assert [line for text in logs for line in text.splitlines() if "refused" in line] == []  # Nobody tries in vain.
