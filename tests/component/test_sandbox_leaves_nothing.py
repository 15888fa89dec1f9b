"""However the owner of a sandbox goes, no process and no folder of it stays."""

import json
import os
import signal
import subprocess
import sys
import uuid
from contextlib import contextmanager
from pathlib import Path

import pytest
from marked_processes import asked, eventually, marked
from parkstream_devtools import Sandbox, StartError
from parkstream_devtools.faults import can_mount

OWNER = """
import json, signal, sys
from parkstream_devtools import Sandbox
from parkstream_devtools.faults import SmallDisk

with Sandbox() as box:
    for server in sys.argv[1:]:
        if server == "disk":
            SmallDisk(box.folder / "disk", 1024 * 1024).__enter__()
        else:
            getattr(box, server)()
    print(json.dumps(str(box.folder)), flush=True)
    signal.pause()
"""


@contextmanager
def an_owner_of(*servers):
    mark = f"SANDBOX_{uuid.uuid4().hex}"
    command = [sys.executable, "-c", OWNER, *servers]
    with subprocess.Popen(command, env=os.environ | {mark: "1"}, stdout=subprocess.PIPE) as owner:
        assert owner.stdout is not None
        try:
            yield owner, mark, Path(json.loads(owner.stdout.readline()))
        finally:
            owner.kill()


def nothing_is_left(mark, folder):
    return eventually(lambda: not marked(mark) and not folder.exists())


@pytest.mark.usefixtures("sandbox")
def test_kill_9_of_the_owner_leaves_no_process_and_no_folder():
    with an_owner_of("redis", "rabbitmq") as (owner, mark, folder):
        names = set(asked(mark, lambda process: process.name()))
        assert {"redis-server", "beam.smp", "epmd"} <= names
        owner.kill()
        owner.wait()
        assert nothing_is_left(mark, folder), asked(mark, lambda process: process.cmdline())


@pytest.mark.skipif(not can_mount(), reason="a disk needs the right to mount one")
def test_kill_9_of_the_owner_leaves_nothing_mounted():
    with an_owner_of("disk") as (owner, mark, folder):
        assert os.path.ismount(folder / "disk")
        (folder / "disk" / "file").touch()
        owner.kill()
        owner.wait()
        assert nothing_is_left(mark, folder)
    assert str(folder) not in Path("/proc/mounts").read_text()


@pytest.mark.usefixtures("sandbox")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=["Ctrl-C", "TERM", "hang-up"])
def test_a_signal_to_the_owner_leaves_nothing(number):
    with an_owner_of("redis") as (owner, mark, folder):
        owner.send_signal(number)
        owner.wait()
        assert nothing_is_left(mark, folder)


@pytest.mark.usefixtures("sandbox")
def test_all_listen_on_this_machine_only_and_on_none_of_the_well_known_ports():
    with an_owner_of("redis", "rabbitmq") as (_, mark, _folder):
        listening = [
            connection.laddr
            for connections in asked(mark, lambda process: process.net_connections("inet"))
            for connection in connections
            if connection.status == "LISTEN"
        ]
        assert {address.ip for address in listening} <= {"127.0.0.1", "::1"}
        assert not {address.port for address in listening} & {5672, 15672, 25672, 4369, 6379}


def test_a_kept_folder_stays(tmp_path):
    with Sandbox(tmp_path / "kept") as box:
        (box.folder / "summaries.jsonl").write_text("{}")
    assert (tmp_path / "kept" / "summaries.jsonl").exists()


def test_a_sandbox_whose_server_does_not_start_says_what_it_wrote_and_leaves_nothing():
    with pytest.raises(StartError, match="FATAL CONFIG FILE ERROR"), Sandbox() as box:
        box.redis(no_such_directive="1")
    assert not box.folder.exists()
