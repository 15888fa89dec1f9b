"""A command imports what it needs, and nothing of the others: all of it would take a second each time."""

import subprocess
import sys

WORDS = "import sys; from parkstream_cli.app import app; app['log']; print(*sys.modules)"
OF_OTHERS = {"faststream", "aiohttp", "parkstream_cli.cells.commands", "parkstream_cli.doctor.command"}


def test_a_command_imports_nothing_that_only_others_need():
    loaded = subprocess.run([sys.executable, "-c", WORDS], check=True, capture_output=True, text=True).stdout.split()
    assert "parkstream_cli.log.commands" in loaded
    assert OF_OTHERS.intersection(loaded) == set()
