"""The folder of the containers' secrets, as ``./dev secrets`` finds and leaves it."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from the_tree import ROOT

MAKE = [sys.executable, ROOT / "deploy" / "compose" / "make_secrets.py", "--folder"]


def made(folder: Path) -> str:
    return subprocess.run([*MAKE, folder], check=True, capture_output=True, text=True).stdout


@pytest.mark.parametrize("mode", [0o755, 0o711, 0o750])
def test_a_folder_that_others_may_enter_is_closed(tmp_path: Path, mode: int):
    """Its files may be read by whoever gets in."""
    folder = tmp_path / "secrets"
    folder.mkdir()
    folder.chmod(mode)
    made(folder)
    assert folder.stat().st_mode & 0o777 == 0o700


def test_a_secret_that_was_being_written_when_the_disk_was_full_is_made_again(tmp_path: Path):
    made(tmp_path)
    before = {path.name: path.read_text() for path in tmp_path.iterdir()}
    (tmp_path / "api_token").write_text("")
    assert "made 1: api_token\n" in made(tmp_path)
    after = {path.name: path.read_text() for path in tmp_path.iterdir()}
    assert after["api_token"] not in {"", before["api_token"]}
    assert {name for name in before if after[name] != before[name]} == {"api_token", "credentials.json"}


def of_malls(folder: Path, *malls: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([*MAKE, folder, "--malls", *malls], check=False, capture_output=True, text=True)


def contents(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def test_every_secret_of_the_cluster_is_made_and_kept(tmp_path: Path):
    assert of_malls(tmp_path, "north", "south").returncode == 0
    first = contents(tmp_path)
    text = (ROOT / "deploy" / "compose" / "compose.cluster.yaml").read_text()
    asked = set(re.findall(r'south}/([^"]+)"', text))
    assert asked
    assert asked <= first.keys()
    assert "nothing was missing" in of_malls(tmp_path, "north", "south").stdout
    assert contents(tmp_path) == first
    assert of_malls(tmp_path, "north", "south", "west").returncode == 0
    changed = {name for name, text in contents(tmp_path).items() if name in first and text != first[name]}
    assert changed == {"cluster/rabbitmq_definitions.json", "cluster/redis_users.acl"}


def test_no_mall_shares_a_secret_or_reaches_what_is_anothers(tmp_path: Path):
    of_malls(tmp_path, "north", "south")
    north, south = (set(contents(tmp_path / mall).values()) - {"{}"} for mall in ("north", "south"))
    assert north & south == set()
    users = [line.split() for line in (tmp_path / "cluster" / "redis_users.acl").read_text().splitlines()]
    of_mall = {words[1]: words for words in users if "." in words[1]}
    assert len(of_mall) == 2 * 6
    for name, words in of_mall.items():
        keys = [word for word in words if word.startswith(("~", "%"))]
        assert keys
        assert all(f":{{{name.partition('.')[0]}}}:" in key for key in keys)
        assert not {"+bgrewriteaof", "+client|pause", "+client|unpause"} & set(words)
    definitions = json.loads((tmp_path / "cluster" / "rabbitmq_definitions.json").read_text())
    assert {one["name"] for one in definitions["vhosts"]} == {"north", "south"}
    for right in [*definitions["permissions"], *definitions["topic_permissions"]]:
        assert right["user"] == "admin" or right["user"].partition(".")[0] == right["vhost"]


@pytest.mark.parametrize("malls", [["north", "north"], ["cluster"], ["North"], ["../north"], ["north mall"], [""]])
def test_a_mall_that_cannot_be_called_so_is_refused(tmp_path: Path, malls: list[str]):
    done = of_malls(tmp_path / "secrets", *malls)
    assert done.returncode == 2
    assert "a mall is named once" in done.stderr
    assert not (tmp_path / "secrets").exists()


@pytest.mark.parametrize("file", ["north/api_token", "cluster/erlang_cookie"])
def test_what_others_may_have_put_into_a_folder_of_the_cluster_is_not_taken(tmp_path: Path, file: str):
    of_malls(tmp_path, "north")
    (tmp_path / file).chmod(0o666)
    done = of_malls(tmp_path, "north")
    assert done.returncode == 2
    assert "others may write" in done.stderr
