"""All members have one version, and what is said of all of them is said once: in the pyproject.toml at the root."""

import re
from pathlib import Path
from typing import Final

import tomlkit
from tomlkit.items import Array, Table

ROOT: Final = Path(__file__).parents[1]
SHARED: Final = ("version", "requires-python", "license", "license-files", "authors", "classifiers", "urls")
"""What members have from the root."""
_OURS: Final = re.compile(r"(parkstream-[a-z-]+)(==.*)?")


def manifests(root: Path) -> list[Path]:
    """Return the pyproject.toml of each member below *root*, and that of the root."""
    return [root / "pyproject.toml", *sorted(root.glob("*/*/pyproject.toml"))]


def differing(root: Path, version: str = "") -> dict[Path, str]:
    """Return what the manifests that are not in lockstep should hold; *version* is that of the root unless given."""
    found: dict[Path, str] = {}
    first: Table | None = None
    for path in manifests(root):
        before = path.read_text(encoding="utf-8")
        document = tomlkit.parse(before)
        project = document["project"]
        assert isinstance(project, Table)
        if first is None:
            first = project
            project["version"] = version or project["version"]
        _follow(project, first)
        if (text := tomlkit.dumps(document)) != before:
            found[path] = text
    return found


def set_version(root: Path, version: str = "") -> list[Path]:
    """Bring all manifests to *version*, or to that of the root, and return which were changed."""
    found = differing(root, version)
    for path, text in found.items():
        path.write_text(text, encoding="utf-8")
    return sorted(found)


def _follow(project: Table, first: Table) -> None:
    for name in SHARED:
        if name in first and project.get(name) != first[name]:
            project[name] = first[name]
    dependencies = project["dependencies"]
    assert isinstance(dependencies, Array)
    for at, one in enumerate(dependencies):
        wanted = _OURS.sub(rf"\1=={first['version']}", str(one)) if _OURS.fullmatch(str(one)) else one
        if wanted != one:
            dependencies[at] = wanted
