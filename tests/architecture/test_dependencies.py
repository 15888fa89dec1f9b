"""Members declare what they import, and no more; the contracts of imports know every member."""

import configparser
import re
import sys
from importlib.metadata import packages_distributions

import pytest
from the_tree import MEMBERS, ROOT, imported

DISTRIBUTIONS = packages_distributions()
PLUGINS = {
    "cryptography": "Litestar encrypts sessions with it",
    "hiredis": "redis uses it when it is there",
    "httptools": "uvicorn loads it by name",
    "opentelemetry-exporter-otlp": "found by the name in OTEL_TRACES_EXPORTER",
    "opentelemetry-sdk": "shares the package of the API",
    "tzdata": "zoneinfo reads it where the system has none",
    "uvicorn": "started by name",
    "uvloop": "uvicorn loads it by name",
}


def normal(requirement):
    return re.split(r"[\[<>=!~; ]", requirement)[0].lower().replace("_", "-")


def declared(member):
    return {normal(requirement) for requirement in member.project["dependencies"]}


def used(member):
    names = {name for module in member.modules for name in imported(module)} - {
        member.package,
        *sys.stdlib_module_names,
    }
    return {name: {normal(distribution) for distribution in DISTRIBUTIONS.get(name, [name])} for name in names}


@pytest.mark.parametrize("member", MEMBERS, ids=lambda member: member.name)
def test_what_a_member_imports_it_declares(member):
    assert {name for name, distributions in used(member).items() if not distributions & declared(member)} == set()


@pytest.mark.parametrize("member", MEMBERS, ids=lambda member: member.name)
def test_what_a_member_declares_it_imports(member):
    needed = set().union(*used(member).values())
    assert declared(member) - needed - set(PLUGINS) == set()


def test_the_import_contracts_know_every_member():
    contracts = configparser.ConfigParser()
    contracts.read(ROOT / ".importlinter")
    assert contracts["importlinter"]["root_packages"].split() == sorted(member.package for member in MEMBERS)
    layers = re.split(r"[\s|]+", contracts["importlinter:contract:one-way"]["layers"].strip())
    assert sorted(layers) == sorted(member.package for member in MEMBERS)
