"""Gets servers, and tools that some tests need, from the system's package manager when they are missing."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from parkstream_devtools.servers.rabbitmq import SCRIPTS

SERVERS = ("redis-server", "rabbitmq-server")
TOOLS = ("faketime",)
"""Programs by the name that they and their Debian packages have."""
BROWSER = "chromium"
"""Debian's package and its program; Playwright has one of its own where there is no such package."""
POLICY = Path("/usr/sbin/policy-rc.d")
SYSTEMD = Path("/run/systemd/system")
_BREW = {"redis-server": "redis", "rabbitmq-server": "rabbitmq", "faketime": "libfaketime"}


class MissingServerError(Exception):
    """A server is missing and cannot be installed from here; the message holds the command that does."""


def missing(programs: Sequence[str] = SERVERS) -> list[str]:
    """Return those of *programs* that cannot be found."""
    return [name for name in programs if shutil.which(name) is None and not _has_script(name)]


def _has_script(name: str) -> bool:
    return name == "rabbitmq-server" and any(os.access(script, os.X_OK) for script in SCRIPTS)


def ensure_tools(say: Callable[[str], None] = print) -> None:
    """Install what some tests need beside servers; where that cannot be, say so: they are skipped, and fail on CI."""
    try:
        ensure_servers(say, TOOLS)
    except MissingServerError as error:
        say(str(error))


def ensure_browser(say: Callable[[str], None] = print) -> None:
    """Install a Chromium: the system's, else Playwright's; where neither can be, say so: its tests are skipped."""
    if not missing([BROWSER]):
        return
    if shutil.which("apt-get"):
        try:
            ensure_servers(say, [BROWSER])
        except MissingServerError as error:
            say(str(error))
        else:
            return
    try:
        _run([sys.executable, "-m", "playwright", "install", "chromium"], say)
    except MissingServerError as error:
        say(f"no browser: {error}")


def ensure_servers(say: Callable[[str], None] = print, programs: Sequence[str] = SERVERS) -> None:
    """Install what is missing, starting no system service; raise ``MissingServerError`` when that cannot be."""
    absent = missing(programs)
    if not absent:
        return
    if sys.platform == "darwin" and shutil.which("brew"):
        _run(["brew", "install", *(_BREW[name] for name in absent)], say)
    elif shutil.which("apt-get") and (prefix := _as_root()) is not None:
        _apt(absent, prefix, say)
    else:
        raise MissingServerError(_advice(absent))
    if still := missing(programs):
        raise MissingServerError(_advice(still))


def _as_root() -> list[str] | None:
    if os.geteuid() == 0:
        return []
    sudo = shutil.which("sudo")
    if sudo and subprocess.run([sudo, "-n", "true"], capture_output=True, check=False).returncode == 0:
        return [sudo, "-n"]
    return None


def _apt(absent: list[str], prefix: list[str], say: Callable[[str], None]) -> None:
    """Install by apt; a ``policy-rc.d`` that says no keeps packages from starting services (Debian policy 9.3.3)."""
    apt = [*prefix, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get"]
    ours = not POLICY.exists()
    if ours:
        _run([*prefix, "sh", "-c", f"printf '#!/bin/sh\\nexit 101\\n' > {POLICY} && chmod 755 {POLICY}"], say)
    try:
        _run([*apt, "update", "-qq"], say)
        _run([*apt, "install", "-y", "-qq", "--no-install-recommends", *absent], say)
        services = [name for name in absent if name in SERVERS]
        if services and SYSTEMD.exists():
            _run([*prefix, "systemctl", "disable", "--quiet", *services], say)
    finally:
        if ours:
            _run([*prefix, "rm", "-f", str(POLICY)], say)


def _run(command: list[str], say: Callable[[str], None]) -> None:
    say(f"installing: {' '.join(command)}")
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        message = f"{' '.join(command)} failed with code {done.returncode}:\n{done.stdout[-2000:]}"
        raise MissingServerError(message)


def _advice(absent: list[str]) -> str:
    names = " and ".join(absent)
    if sys.platform == "darwin":
        how = f"brew install {' '.join(_BREW[name] for name in absent)}"
    elif shutil.which("apt-get"):
        how = f"sudo apt-get install {' '.join(absent)}"
    else:
        how = f"install the packages of {names} for your system (RabbitMQ 3.10 or later, Redis 7.0 or later)"
    return f"{names} cannot be found on PATH and not be installed from here. Run this, then try again:\n  {how}"
