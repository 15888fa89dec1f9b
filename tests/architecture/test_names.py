"""One word per thing: members, and what RabbitMQ and Redis know us by."""

import ast
import re

import pytest
from parkstream_events import topology
from the_tree import MEMBERS, MODULES, ROOT, parsed, relative, strings

EVENTS = ROOT / "libs" / "events"
BROKER_NAMES = {
    value for name, value in vars(topology).items() if name.endswith(("_QUEUE", "_EXCHANGE")) and isinstance(value, str)
}
KEY_PREFIX = re.compile(r"parkstream:[\w{*-]")


@pytest.mark.parametrize("member", MEMBERS, ids=lambda member: member.name)
def test_folder_distribution_and_import_have_one_name(member):
    assert member.project["name"] == f"parkstream-{member.name}"
    assert [folder.name for folder in (member.folder / "src").iterdir() if folder.is_dir()] == [member.package]
    assert (member.folder / "src" / member.package / "py.typed").exists()


@pytest.mark.parametrize("member", [member for member in MEMBERS if member.folder != EVENTS], ids=lambda it: it.name)
def test_names_of_queues_exchanges_and_keys_are_written_in_events_only(member):
    written = {relative(module): strings(module) for module in member.modules}
    assert {file: found & BROKER_NAMES for file, found in written.items() if found & BROKER_NAMES} == {}
    assert {file for file, found in written.items() if any(KEY_PREFIX.search(string) for string in found)} == set()


def test_no_module_is_called_by_what_it_might_hold():
    vague = {"utils", "util", "common", "helpers", "manager", "misc"}
    assert [relative(module) for member in MEMBERS for module in member.modules if module.stem in vague] == []


def reading_order(package):
    """Return the single words that the docstring of *package* lists behind ``Reading order:``."""
    docstring = ast.get_docstring(parsed(package / "__init__.py")) or ""
    _, _, listed = docstring.partition("Reading order:")
    paragraph = re.sub(r"\([^)]*\)", "", listed.split("\n\n")[0]).replace("\n", " ")
    return [
        item.strip(" .`") for item in re.split(r"[,;:]|\. ", paragraph) if re.fullmatch(r"[\w/]+", item.strip(" .`"))
    ]


PACKAGES = sorted({module.parent for module in MODULES if (module.parent / "__init__.py").exists()})


@pytest.mark.parametrize("package", PACKAGES, ids=relative)
def test_the_reading_order_of_a_package_names_what_is_in_it(package):
    missing = [name for name in reading_order(package) if not any(package.glob(f"{name}*"))]
    assert missing == []
