"""What CI runs, in the order of what fails fastest; ``./dev`` calls it with the workspace's own packages on PATH."""

import json
import os
import subprocess
import sys
from pathlib import Path

import nox

ROOT = Path(__file__).parent
MEMBERS = sorted(path.parent for path in ROOT.glob("*/*/pyproject.toml"))
INTERRUPT_SECONDS = 30.0
"""How long pytest may take to stop its servers after Ctrl-C."""
SIDE_BY_SIDE = ["--numprocesses=4", "--dist=loadfile", "--no-loadscope-reorder"]
"""For all tests: a file after the other in each of four processes, which have servers of their own and mostly wait."""
FAST = ["tests/unit", "tests/contract"]
"""What runs on the newest Python, too: quick, and it imports all there is."""
AUDIT_FAILED = 2
"""What uv exits with when it could not ask; with 1 when something was found."""

nox.options.default_venv_backend = "none"
nox.options.sessions = ["lint", "types", "imports", "members", "test", "newest"]
nox.options.error_on_external_run = False


@nox.session
def lint(session: nox.Session) -> None:
    """Check ruff's rules, the format, and that the lock fits."""
    session.run("ruff", "check", *(session.posargs or ["."]))
    session.run("ruff", "format", "--check", *(session.posargs or ["."]))
    session.run("uv", "lock", "--check", silent=True)


@nox.session
def fix(session: nox.Session) -> None:
    """Correct what ruff can correct."""
    session.run("ruff", "check", "--fix", *(session.posargs or ["."]))
    session.run("ruff", "format", *(session.posargs or ["."]))


@nox.session
def types(session: nox.Session) -> None:
    """Check types, strictly, with mypy and pyright."""
    packages = [f"--package={import_name(member)}" for member in MEMBERS]
    session.run("mypy", *packages)
    session.run("mypy", "noxfile.py", *map(str, ROOT.glob("deploy/compose/*.py")), "release", "fuzzing", "chaos")
    session.run("pyright")


@nox.session
def imports(session: nox.Session) -> None:
    """Check that no package imports one that it must not (.importlinter)."""
    session.run("lint-imports", "--no-logo")


@nox.session
def members(session: nox.Session) -> None:
    """Import each member in an environment with only the dependencies that it declares."""
    script = ROOT / "tests" / "support" / "import_member.py"
    for member in MEMBERS:
        isolated = ["uv", "run", "--quiet", "--frozen", "--isolated", "--no-dev", "--package", dist_name(member)]
        session.run(*isolated, "python", str(script), import_name(member))


@nox.session
def test(session: nox.Session) -> None:
    """Run the tests; servers and tools that they need are installed first where they are missing."""
    session.run(
        "python", "-c", "import parkstream_devtools as it; it.ensure_servers(); it.ensure_tools(); it.ensure_browser()"
    )
    session.run("pytest", *(session.posargs or SIDE_BY_SIDE), interrupt_timeout=INTERRUPT_SECONDS)


@nox.session
def newest(session: nox.Session) -> None:
    """Run the fast tests on the newest Python that is here, in an environment of its own."""
    python, version = newest_python()
    if version.startswith(f"{sys.version_info.major}.{sys.version_info.minor}."):
        session.skip(f"Python {version}, which all tests ran on, is the newest that is here: uv python install 3.13")
    session.log(f"Python {version}: {' '.join(FAST)}")
    environment = ROOT / ".nox" / "newest"
    variables = {"UV_PROJECT_ENVIRONMENT": str(environment), "VIRTUAL_ENV": str(environment)}
    session.run("uv", "sync", "--quiet", "--frozen", "--python", python, env=variables)
    variables["PATH"] = os.pathsep.join([str(environment / "bin"), os.environ["PATH"]])
    session.run(
        str(environment / "bin" / "pytest"), *FAST, *SIDE_BY_SIDE, env=variables, interrupt_timeout=INTERRUPT_SECONDS
    )


def newest_python() -> tuple[str, str]:
    """Return the path and version of the newest CPython that uv or pyenv have installed, or that is on PATH."""
    folders = [str(path) for path in Path.home().glob(".pyenv/versions/*/bin")]
    variables = {name: value for name, value in os.environ.items() if name != "UV_PYTHON"}
    variables["PATH"] = os.pathsep.join([*folders, variables["PATH"]])
    command = ["uv", "python", "list", "--only-installed", "--output-format=json"]
    listing = subprocess.run(command, env=variables, stdout=subprocess.PIPE, check=True).stdout
    plain = ("cpython", "default")
    newest, *_ = [one for one in json.loads(listing) if (one["implementation"], one["variant"]) == plain]
    return newest["path"], newest["version"]


@nox.session
def release(session: nox.Session) -> None:
    """Make the tree the release that is named: versions, lock, changelog, and what later releases are held to."""
    (version,) = session.posargs
    session.run("python", "-m", "release", version)
    session.run("uv", "lock", "--quiet")
    session.run("uv", "sync", "--quiet")
    for fragment in sorted((ROOT / "changelog.d").glob("*.md")):
        if "." not in fragment.stem and fragment.name != "README.md":
            session.run("git", "mv", str(fragment), str(fragment.with_suffix(".change.md")))  # As towncrier names them.
    session.run("towncrier", "build", "--yes", "--version", version)
    session.run("pytest", "tests/integration/test_upgrade.py", env={"PARKSTREAM_KEEP_RELEASE": "yes"})


@nox.session
def audit(session: nox.Session) -> None:
    """Look up every package of the lock among the known weaknesses (osv.dev); it needs a network."""
    command = ["uv", "audit", "--frozen", "--preview-features", "audit-command", *session.posargs]
    code = subprocess.run(command, check=False).returncode
    if code == AUDIT_FAILED:
        session.error("nothing was looked up: osv.dev cannot be reached from here (or --service-url, if given)")
    elif code:
        session.error("see above: update what it names (uv lock --upgrade-package NAME)")


@nox.session
def deck(session: nox.Session) -> None:
    """Build the three slides in docs/deck."""
    session.run("python", "-m", "benchmarks.deck", *session.posargs)


def dist_name(member: Path) -> str:
    """Return the distribution of *member*: one word does for folder, distribution, import and service."""
    return f"parkstream-{member.name}"


def import_name(member: Path) -> str:
    """Return the package that *member* holds."""
    return dist_name(member).replace("-", "_")
