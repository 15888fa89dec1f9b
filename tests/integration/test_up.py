"""``up``, as somebody uses it: it runs until Ctrl-C, commands beside it find it, and the next time it goes on."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import uuid
from contextlib import ExitStack, suppress

import psutil
import pytest
from marked_processes import eventually, marked
from parkstream_devtools.pipeline.data_folder import NAME, RUN, locked
from parkstream_devtools.pipeline.kept_place import usual_place

PORTS = (8000, 8001, 8002, 8003)
PRINTED = ("PARKSTREAM_REDIS_URL", "PARKSTREAM_RABBITMQ_URL", "PARKSTREAM_SUMMARY_URL", "PARKSTREAM_API_TOKEN")
EXAMINED = ("RabbitMQ", "durability", "log against the mark", "summary-api", "entry-generator", "exit-generator")
START_SECONDS = 300

pytestmark = pytest.mark.usefixtures("sandbox")


class Place:
    """A folder in which ``parkstream`` is called, and whose every process can be told by a mark."""

    def __init__(self, folder):
        self.folder = folder
        self.data = folder / NAME
        self.mark = f"UP_{uuid.uuid4().hex}"
        ours = {name: text for name, text in os.environ.items() if not name.startswith(("PARKSTREAM_", "OTEL_"))}
        self.environ = ours | {self.mark: "1", "COLUMNS": "100", "TMPDIR": str(folder), "CALLED_AS": "./dev"}

    def start(self, *words):
        command = [sys.executable, "-m", "parkstream_cli", *words]
        with (self.folder / "printed").open("wb") as log:
            return subprocess.Popen(command, cwd=self.folder, env=self.environ, stdout=log, stderr=log)

    def up(self, *words):
        """Start ``up``, and return when it is found."""
        process = self.start("up", *words)
        self.wait(lambda: process.poll() is not None or (self.data / RUN).exists())
        assert process.poll() is None, self.printed()
        return process

    def __call__(self, *words):
        command = [sys.executable, "-m", "parkstream_cli", *words]
        return subprocess.run(command, cwd=self.folder, env=self.environ, capture_output=True, text=True, check=False)

    def json(self, *words):
        done = self(*words, "--json")
        assert done.returncode == 0, done.stderr + done.stdout
        return json.loads(done.stdout)

    def printed(self):
        return (self.folder / "printed").read_text()

    def running(self):
        return marked(self.mark)

    def wait(self, condition):
        assert eventually(condition, START_SECONDS), self.printed()

    def end(self, process, number=signal.SIGINT):
        process.send_signal(number)
        code = process.wait(START_SECONDS)
        self.wait(lambda: self.running() == [])
        return code

    def summaries(self):
        file = self.data / "summaries.jsonl"
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


@pytest.fixture(scope="module", autouse=True)
def usual_ports():
    """Nobody's: other tests look at them."""
    with ExitStack() as taken:
        for port in PORTS:
            with suppress(OSError):
                taken.enter_context(socket.socket()).bind(("127.0.0.1", port))
        yield


@pytest.fixture
def place(tmp_path):
    place = Place(tmp_path)
    yield place
    for process in place.running():
        with suppress(psutil.NoSuchProcess):
            process.kill()


def test_commands_find_it_and_the_next_run_goes_on_with_nothing_lost(place):
    process = place.up("--rate", "20")
    place.wait(lambda: len(place.summaries()) >= 20)
    plate = place.summaries()[0]["vehicle_plate"]

    assert place("visit", plate).returncode == 0
    found = {one["about"]: one["level"] for one in json.loads(place("doctor", "--json").stdout)["findings"]}
    assert {found[name] for name in EXAMINED} == {"ok"}  # Others may complain of a slow machine.
    run = json.loads((place.data / RUN).read_bytes())
    assert run["pid"] == process.pid
    assert all(run["environ"][name] in place.printed() for name in PRINTED)
    assert [path.stat().st_mode & 0o777 for path in (place.data, place.data / RUN)] == [0o700, 0o600]

    second = place("up")
    assert second.returncode == 1
    assert f"one runs already in {place.data} (process {process.pid})" in second.stderr

    assert place.end(process) == 0
    lines = place.summaries()
    assert not (place.data / RUN).exists()
    assert f"`./dev up` does not run here: nothing runs in {place.data}" in place("log", "stats").stderr

    process = place.up("--rate", "20")
    assert run["environ"]["PARKSTREAM_API_TOKEN"] in place.printed()
    place.wait(lambda: len(place.summaries()) >= len(lines) + 20)
    assert place.summaries()[: len(lines)] == lines
    assert min(one["position"] for one in place.summaries()[len(lines) :]) > max(one["position"] for one in lines)
    assert place.json("log", "verify")["ok"]
    assert place.json("replay", "--check")["hash_equal"]

    process.kill()
    process.wait()
    place.wait(lambda: place.running() == [])
    assert (place.data / RUN).exists()
    assert "`./dev up` does not run here: nothing runs in" in place("log", "stats").stderr


def test_a_fresh_run_has_nothing_of_before_and_ends_with_an_error_that_names_what_died(place):
    with locked(place.data):
        (place.data / "summaries.jsonl").write_text("of before\n")
    process = place.up("--fresh")
    assert "of before" not in (place.data / "summaries.jsonl").read_text()
    (backend,) = [one for one in place.running() if module_of(one) == "parkstream_backend"]
    backend.kill()
    assert process.wait(START_SECONDS) == 1
    assert "backend ended by itself with code -9" in place.printed()
    place.wait(lambda: place.running() == [])


def module_of(process):
    """Return what a process of ours runs; nothing of one that has ended, as those do that RabbitMQ asks for figures."""
    with suppress(psutil.NoSuchProcess):
        return "".join(process.cmdline()[-1:])
    return ""


def test_a_demo_that_stays_is_found_until_ctrl_c(place):
    process = place.start("demo", "--stay", "--seconds", "3")
    place.wait(lambda: process.poll() is not None or "log tail" in place.printed())
    plate = re.search(r"dev visit (\w+)", place.printed())[1]

    assert "DOES NOT" not in place.printed()
    assert place("visit", plate).returncode == 0
    assert place("trace", plate).returncode == 0
    assert place.json("log", "verify")["ok"]
    assert place("up").returncode == 1
    assert place.end(process) == 0, place.printed()
    assert [path.name for path in place.data.parent.glob("parkstream-*")] == [usual_place().name]
    assert place("trace", plate).returncode == 0
