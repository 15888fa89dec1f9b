"""A port that was found free is given to nobody else, in no process: what is to listen there may not have begun yet."""

import subprocess
import sys

from parkstream_devtools.servers import process

ASK = """
import sys
from parkstream_devtools.servers import process
process.PORTS = [int(port) for port in sys.argv[1:]]
print(process.free_port())
"""


def test_a_port_is_given_to_one_process_only(monkeypatch):
    first = process.free_port()
    both = [first, next(port for port in process.PORTS if port != first and process.is_free(port))]
    monkeypatch.setattr(process, "PORTS", both)
    assert process.free_port() == both[1]
    process._claims.pop().close()
    asked = subprocess.run([sys.executable, "-c", ASK, *map(str, both)], capture_output=True, text=True, check=True)
    assert asked.stdout.strip() == f"{both[1]}"


def test_only_the_ports_that_were_found_last_are_kept(monkeypatch):
    monkeypatch.setattr(process, "CLAIMS_MAX", 2)
    found = [process.free_port() for _ in range(3)]
    assert len(process._claims) == 2
    monkeypatch.setattr(process, "PORTS", found[:1])
    assert process.free_port() == found[0]
