import os
import resource
import subprocess

import pytest
from summary_client import Client, environ, eventually
from summary_items import body, item, lines_of
from summary_posters import Posters

MODULE = "parkstream_summary_api"
FAILING_SYNC = """
import errno, os, sys
from parkstream_summary_api import summary_file
from parkstream_summary_api.__main__ import main

def fail_later(file, real=summary_file.bring_to_disk, left=[3]):
    left[0] -= 1
    if left[0] < 0:
        raise OSError(errno.EIO, os.strerror(errno.EIO))
    real(file)

summary_file.bring_to_disk = fail_later
main([])
"""


@pytest.fixture
def small_disk(tmp_path):
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", folder], check=False, capture_output=True
    )
    if mounted.returncode != 0:
        pytest.skip("a disk of 64 KiB needs the right to mount one")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


def is_whole(content: bytes) -> bool:
    """Return whether *content* ends with a line."""
    return content.endswith(b"\n") and bool(lines_of(content))


def limit_file_size(pid: int, size: int) -> None:
    """Let writes beyond *size* bytes fail, after the part that fits; for the running process *pid*."""
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


def test_a_line_that_does_not_fit_is_refused_whole_and_taken_when_there_is_room(run_service, tmp_path, redis_url, mall):
    file = tmp_path / "summaries.jsonl"
    process = run_service(MODULE, environ(file, redis_url, mall))
    client = Client(process.port)
    earlier = [item(f"earlier-{number}") for number in range(20)]  # The limit is also that of the log, a shorter file.
    client.post(*earlier, item(1))
    before = file.read_bytes()
    limit_file_size(process.pid, len(before) + 100)

    refused = client.ask("/v1/summaries", body(item(1), item(2), item(3)))
    assert refused.status == 507
    assert refused.headers["content-type"] == "application/problem+json"
    assert int(refused.headers["retry-after"]) > 0
    assert "no room" in refused.json["detail"]
    assert file.read_bytes() == before
    assert client.post(item(1)) == ["duplicate"]
    assert client.stats()["lines"] == len(earlier) + 1
    eventually(lambda: "summary_file.write_failed" in process.output.read_text())

    limit_file_size(process.pid, resource.RLIM_INFINITY)
    assert client.post(item(1), item(2), item(3)) == ["duplicate", "written", "written"]
    written = [line["visit_id"] for line in lines_of(file.read_bytes())]
    assert written[len(earlier) :] == ["exit:1", "exit:2", "exit:3"]


def test_nothing_is_lost_while_the_disk_fills_and_empties(run_service, small_disk, redis_url, mall):
    ballast = small_disk / "ballast"
    ballast.write_bytes(b"x" * 32 * 1024)
    file = small_disk / "summaries.jsonl"
    process = run_service(MODULE, environ(file, redis_url, mall))
    with Posters(process.port).running() as posters:
        eventually(lambda: posters.refused[507] >= 10)
        eventually(lambda: is_whole(file.read_bytes()))  # What does not fit is cut off again in a moment.
        ballast.unlink()
        posters.wait_for(10)
        subprocess.run(["mount", "-o", "remount,size=64m", small_disk], check=True)
        posters.wait_for(200)
    posters.check(file)
    assert process.alive


def test_a_failed_fsync_ends_the_process_and_the_next_one_recovers(run_service, tmp_path, redis_url, mall):
    file = tmp_path / "summaries.jsonl"
    (tmp_path / "failing_sync.py").write_text(FAILING_SYNC)
    told = environ(file, redis_url, mall)
    process = run_service(
        "failing_sync",
        {**told, "PYTHONPATH": os.pathsep.join([str(tmp_path), *os.environ.get("PYTHONPATH", "").split(os.pathsep)])},
    )
    client = Client(process.port)
    assert client.post(item(1)) == ["written"]
    assert client.post(item(2)) == ["written"]
    with pytest.raises(ConnectionError):
        client.post(item(3))
    eventually(lambda: not process.alive)
    assert process.exit_code == 74
    assert "could not be brought to disk" in process.last_lines()

    client = Client(run_service(MODULE, told).port)
    assert client.post(item(1), item(2)) == ["duplicate", "duplicate"]
    client.post(item(3))
    assert [line["visit_id"] for line in lines_of(file.read_bytes())] == ["exit:1", "exit:2", "exit:3"]


def test_a_file_that_cannot_be_opened_is_named(run_service, tmp_path, redis_url, mall):
    process = run_service(MODULE, environ(tmp_path / "nowhere" / "s.jsonl", redis_url, mall), ready=False)
    eventually(lambda: not process.alive)
    assert process.exit_code == 73
    assert "PARKSTREAM_SUMMARY_FILE" in process.last_lines()
