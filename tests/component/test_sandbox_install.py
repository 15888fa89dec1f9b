"""Missing servers are installed where that is allowed, and no service starts; else the message holds the command."""

import os
import sys
from pathlib import Path

import pytest
from parkstream_devtools import MissingServerError, ensure_browser, ensure_servers, ensure_tools, missing
from parkstream_devtools.servers import install

APT = """#!/bin/sh
echo "$* policy=$([ -x "$POLICY" ] && "$POLICY"; echo $?)" >> "$CALLS"
[ "$1" = update ] && exit 0
for name in "$@"; do
    case $name in *-server|faketime|chromium) printf '#!/bin/sh\\n' > "$BIN/$name"; chmod +x "$BIN/$name";; esac
done
"""
BREW = """#!/bin/sh
echo "$*" >> "$CALLS"
for name in redis rabbitmq; do printf '#!/bin/sh\\n' > "$BIN/$name-server"; chmod +x "$BIN/$name-server"; done
"""


class Machine:
    """A machine without servers, and with what it is given."""

    def __init__(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.bin, self.policy, self._calls = tmp_path / "bin", tmp_path / "policy-rc.d", tmp_path / "calls"
        self.bin.mkdir()
        for name in ("sh", "env", "chmod", "rm", "printf"):
            (self.bin / name).symlink_to(f"/bin/{name}" if Path(f"/bin/{name}").exists() else f"/usr/bin/{name}")
        monkeypatch.setenv("PATH", str(self.bin))
        for name, value in {"BIN": self.bin, "CALLS": self._calls, "POLICY": self.policy}.items():
            monkeypatch.setenv(name, str(value))
        monkeypatch.setattr(install, "SCRIPTS", ())
        monkeypatch.setattr(install, "POLICY", self.policy)
        monkeypatch.setattr(install, "SYSTEMD", tmp_path / "systemd")
        monkeypatch.setattr(sys, "platform", "linux")
        monkeypatch.setattr(os, "geteuid", lambda: 0)

    def has(self, name: str, script: str) -> None:
        (self.bin / name).write_text(script)
        (self.bin / name).chmod(0o755)

    @property
    def calls(self) -> list[str]:
        return self._calls.read_text().splitlines()


@pytest.fixture
def machine(tmp_path, monkeypatch):
    return Machine(tmp_path, monkeypatch)


def test_apt_installs_what_is_missing_and_says_so(machine):
    machine.has("apt-get", APT)
    said = []
    ensure_servers(said.append)
    assert missing() == []
    assert [call.split(" policy")[0] for call in machine.calls] == [
        "update -qq",
        "install -y -qq --no-install-recommends redis-server rabbitmq-server",
    ]
    assert any("apt-get install" in line for line in said)


def test_no_service_is_started_and_the_policy_goes_again(machine):
    machine.has("apt-get", APT)
    ensure_servers(lambda _: None)
    assert all(call.endswith("policy=101") for call in machine.calls)
    assert not machine.policy.exists()


def test_what_it_installs_does_not_start_at_the_next_boot_either(machine):
    machine.has("apt-get", APT)
    machine.has("systemctl", '#!/bin/sh\necho "$* policy=" >> "$CALLS"\n')
    install.SYSTEMD.mkdir()
    ensure_servers(lambda _: None)
    assert machine.calls[-1] == "disable --quiet redis-server rabbitmq-server policy="


def test_the_machines_own_policy_is_left_alone(machine):
    machine.has("apt-get", APT)
    machine.policy.write_text("#!/bin/sh\nexit 101\n")
    ensure_servers(lambda _: None)
    assert machine.policy.exists()


def test_only_what_is_missing_is_installed(machine):
    machine.has("apt-get", APT)
    machine.has("redis-server", "#!/bin/sh\n")
    ensure_servers(lambda _: None)
    assert machine.calls[-1].split(" policy")[0].endswith("--no-install-recommends rabbitmq-server")


def test_nothing_is_done_when_nothing_is_missing(machine):
    machine.has("redis-server", "#!/bin/sh\n")
    machine.has("rabbitmq-server", "#!/bin/sh\n")
    said = []
    ensure_servers(said.append)
    assert said == []


def test_a_failed_installation_shows_what_apt_said(machine):
    machine.has("apt-get", "#!/bin/sh\necho 'E: no space left'; exit 100\n")
    with pytest.raises(MissingServerError, match=r"(?s)code 100.*no space left"):
        ensure_servers(lambda _: None)
    assert not machine.policy.exists()


@pytest.mark.parametrize(
    ("manager", "platform", "advice"),
    [
        ("apt-get", "linux", "sudo apt-get install redis-server rabbitmq-server"),
        ("", "darwin", "brew install redis rabbitmq"),
        ("", "linux", "RabbitMQ 3.10 or later, Redis 7.0 or later"),
    ],
)
def test_who_may_not_install_is_told_the_command(machine, monkeypatch, manager, platform, advice):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(sys, "platform", platform)
    if manager:
        machine.has(manager, APT)
    with pytest.raises(MissingServerError, match=advice):
        ensure_servers(lambda _: None)


def test_brew_installs_on_a_mac(machine, monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    machine.has(
        "brew", '#!/bin/sh\necho "$*" >> "$CALLS"\nfor name in redis rabbitmq; do cp "$0" "$BIN/$name-server"; done\n'
    )
    (machine.bin / "cp").symlink_to("/bin/cp")
    ensure_servers(lambda _: None)
    assert machine.calls == ["install redis rabbitmq"]


def test_tools_are_installed_where_that_is_allowed(machine):
    machine.has("apt-get", APT)
    ensure_tools(lambda _: None)
    assert machine.calls[-1].split(" policy")[0].endswith("--no-install-recommends faketime")


def test_a_tool_that_cannot_be_installed_is_named_and_stops_nothing(machine, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    machine.has("apt-get", APT)
    said = []
    ensure_tools(said.append)
    assert "sudo apt-get install faketime" in said[0]


def test_a_browser_is_the_system_s_where_it_has_one(machine):
    machine.has("apt-get", APT)
    ensure_browser(lambda _: None)
    assert machine.calls[-1].split(" policy")[0].endswith("--no-install-recommends chromium")


@pytest.mark.parametrize(("script", "said"), [("exit 0", "playwright install chromium"), ("exit 1", "no browser: ")])
def test_else_it_is_playwright_s_or_named_as_missing(machine, monkeypatch, script, said):
    machine.has("python", f"#!/bin/sh\n{script}\n")
    monkeypatch.setattr(sys, "executable", str(machine.bin / "python"))
    heard = []
    ensure_browser(heard.append)
    assert said in heard[-1]
