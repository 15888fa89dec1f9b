"""Runs the provisioner against a SigNoz, and reads what it reports."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from fake_signoz import EMAIL, PASSWORD
from parkstream_devtools import free_port

ROOT = Path(__file__).parents[2]
FILES = ROOT / "signoz"
RUNBOOK = ROOT / "docs" / "runbook.md"
LAG, DELIVERED = "parking.projection.lag", "messaging.client.consumed.messages"
SILENCES = {
    ("rule", "Parkstream: No backend has reported how far the projection is"),
    ("rule", "Parkstream: No backend has reported what it records"),
}


def environ(url, **more):
    return {
        **os.environ,
        "PARKSTREAM_SIGNOZ_URL": url,
        "PARKSTREAM_SIGNOZ_EMAIL": EMAIL,
        "PARKSTREAM_SIGNOZ_PASSWORD": PASSWORD,
        "PARKSTREAM_SIGNOZ_FILES": str(FILES),
        "PARKSTREAM_SIGNOZ_READY_SECONDS": "60",
        "PARKSTREAM_PORT": str(free_port()),
        **more,
    }


def provision(url, *options, **more):
    command = [sys.executable, "-m", "parkstream_provision", *options]
    return subprocess.run(command, env=environ(url, **more), capture_output=True, text=True, timeout=240, check=False)


def applied(url, *options, **more):
    done = provision(url, "--json", *options, **more)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


def checked(url, *options, **more):
    done = provision(url, "--check", "--json", *options, **more)
    assert not done.stderr, done.stderr
    return done.returncode, json.loads(done.stdout)


def actions(report, action):
    return {(one["kind"], one["name"]) for one in report["done"] if one["action"] == action}


def wanted(kind, key):
    return {json.loads(path.read_text())[key] for path in (FILES / kind).glob("*.json")}


def copied(tmp_path):
    return shutil.copytree(FILES, tmp_path / "signoz", ignore=shutil.ignore_patterns("provision", "definitions"))
