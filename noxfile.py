"""What CI runs, in the order of what fails fastest; ``./dev`` calls it with the workspace's own packages on PATH."""

import subprocess
from pathlib import Path

import nox

ROOT = Path(__file__).parent
MEMBERS = sorted(path.parent for path in ROOT.glob("*/*/pyproject.toml"))
INTERRUPT_SECONDS = 30.0
"""How long pytest may take to stop its servers after Ctrl-C."""
SIDE_BY_SIDE = ["--numprocesses=3", "--dist=loadfile", "--no-loadscope-reorder"]
"""For all tests: a file after the other in each of three processes, which have servers of their own and mostly wait."""
AUDIT_FAILED = 2
"""What uv exits with when it could not ask; with 1 when something was found."""

nox.options.default_venv_backend = "none"
nox.options.sessions = ["lint", "types", "imports", "members", "test"]
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
    session.run("mypy", "noxfile.py", *map(str, ROOT.glob("deploy/compose/*.py")), "release")
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
    install = "from parkstream_devtools import ensure_servers, ensure_tools; ensure_servers(); ensure_tools()"
    session.run("python", "-c", install)
    session.run("pytest", *(session.posargs or SIDE_BY_SIDE), interrupt_timeout=INTERRUPT_SECONDS)


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
