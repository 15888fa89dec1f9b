"""What is released: wheels that hold all of each member, install into an empty environment, and run there."""

import json
import os
import subprocess
import tarfile
import tomllib
import zipfile
from email import message_from_bytes
from pathlib import Path

import pytest
from the_tree import MEMBERS, ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
VERSION = PROJECT["version"]
NAMES = sorted(["parkstream", *(f"parkstream-{member.name}" for member in MEMBERS)])


def run(*command, cwd, **environ):
    """Run *command* as somebody would who has no clone; return what it prints."""
    outside = {name: value for name, value in os.environ.items() if name not in {"PYTHONPATH", "VIRTUAL_ENV"}}
    outside["PATH"] = os.pathsep.join(
        folder for folder in outside["PATH"].split(os.pathsep) if not Path(folder).is_relative_to(ROOT / ".venv")
    )
    done = subprocess.run(
        list(map(str, command)), cwd=cwd, env=outside | environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def outside(tmp_path_factory):
    """A folder that is in no clone."""
    return tmp_path_factory.mktemp("outside")


@pytest.fixture(scope="module")
def dist(outside):
    """The folder of what is built."""
    run("uv", "build", "--quiet", "--all-packages", "--out-dir", outside / "dist", cwd=ROOT)
    return outside / "dist"


@pytest.fixture(scope="module")
def locked(outside):
    """A file with the versions of what others wrote."""
    found = outside / "locked.txt"
    flags = ["--frozen", "--all-packages", "--no-dev", "--no-emit-workspace", "--no-hashes"]
    run("uv", "export", "--quiet", *flags, "--output-file", found, cwd=ROOT)
    return found


@pytest.fixture(scope="module")
def installed(outside, dist, locked):
    """The programs of an environment that was empty."""
    run("uv", "venv", "--quiet", outside / "env", cwd=outside)
    flags = ["--quiet", "--python", outside / "env", "--find-links", dist, "--constraints", locked]
    run("uv", "pip", "install", *flags, f"parkstream=={VERSION}", cwd=outside)
    return outside / "env" / "bin"


def wheel(dist, name):
    return zipfile.ZipFile(dist / f"{name.replace('-', '_')}-{VERSION}-py3-none-any.whl")


def metadata(dist, name):
    with wheel(dist, name) as opened:
        return message_from_bytes(opened.read(f"{name.replace('-', '_')}-{VERSION}.dist-info/METADATA"))


def test_each_member_is_a_wheel_and_a_source_archive_of_one_version(dist):
    built = sorted(path.name for path in dist.iterdir() if path.name != ".gitignore")
    stems = [f"{name.replace('-', '_')}-{VERSION}" for name in NAMES]
    assert built == sorted(name for stem in stems for name in (f"{stem}-py3-none-any.whl", f"{stem}.tar.gz"))


@pytest.mark.parametrize("name", NAMES)
def test_the_metadata_says_what_a_stranger_asks(dist, name):
    found = metadata(dist, name)
    assert (found["Version"], found["Requires-Python"]) == (VERSION, PROJECT["requires-python"])
    assert (found["License-Expression"], found["License-File"]) == ("MIT", "LICENSE")
    assert found.get_all("Classifier") == PROJECT["classifiers"]
    assert found["Summary"]
    assert found.get_payload().startswith(f"# {'Parkstream' if name == 'parkstream' else name}\n")
    ours = [one for one in found.get_all("Requires-Dist", []) if one.startswith("parkstream")]
    assert [one for one in ours if not one.endswith(f"=={VERSION}")] == []


@pytest.mark.parametrize("member", MEMBERS, ids=lambda member: member.name)
def test_both_archives_hold_all_of_a_member_and_the_licence(dist, member):
    name = f"parkstream-{member.name}"
    files = [path for path in (member.folder / "src").rglob("*") if path.is_file() and path.suffix != ".pyc"]
    inside = {str(path.relative_to(member.folder / "src")) for path in files}
    stem = f"{name.replace('-', '_')}-{VERSION}"
    with wheel(dist, name) as opened:
        assert inside | {f"{stem}.dist-info/licenses/LICENSE"} <= set(opened.namelist())
    with tarfile.open(dist / f"{stem}.tar.gz") as opened:
        assert {f"{stem}/src/{path}" for path in inside} | {f"{stem}/LICENSE"} <= set(opened.getnames())


def test_an_environment_that_was_empty_runs_all_of_it_without_the_clone(installed, outside):
    packages = [member.package for member in MEMBERS]
    code = f"import importlib, json; print(json.dumps([importlib.import_module(n).__file__ for n in {packages}]))"
    files = json.loads(run(installed / "python", "-c", code, cwd=outside))
    assert [file for file in files if not Path(file).is_relative_to(installed.parent)] == []
    assert run(installed / "parkstream", "--version", cwd=outside).strip() == VERSION


def test_it_writes_the_files_of_signoz_that_the_clone_has(installed, outside):
    run(installed / "python", "-m", "parkstream_definitions", outside / "signoz", cwd=outside)
    written = {path.relative_to(outside / "signoz"): path for path in (outside / "signoz").rglob("*.json")}
    assert written
    for name, path in written.items():
        assert path.read_text() == (ROOT / "signoz" / name).read_text()


@pytest.mark.usefixtures("sandbox")
def test_pipx_runs_the_demo_with_its_services_in_an_environment_of_its_own(dist, locked, outside, tmp_path):
    pipx = ["uv", "tool", "run", "pipx", "run", "--backend", "uv", "--pip-args", f"--find-links {dist}"]
    demo = ["--spec", f"parkstream=={VERSION}", "parkstream", "demo", "--seconds", "2", "--rate", "20", "--json"]
    environ = {"TMPDIR": str(tmp_path), "PIPX_HOME": str(outside / "pipx"), "UV_CONSTRAINT": str(locked)}
    account = json.loads(run(*pipx, *demo, cwd=outside, **environ))
    assert account["lines"] > 0
    assert (account["missing"], account["duplicated"]) == (0, 0)
