"""The compose files fit the images: programs that exist, users that may, and a place for all that is written."""

import re

import pytest
import yaml
from image_facts import facts_of
from the_tree import ROOT

COMPOSE = ROOT / "deploy" / "compose"
FILES = ["compose.yaml", "signoz.yaml", "cli.yaml"]
DEFAULT = re.compile(r"\$\{[A-Z_]+:-([^}]*)\}")
WORDS_OF_THE_SHELL = {
    "export",
    "exec",
    "echo",
    "for",
    "do",
    "done",
    "if",
    "then",
    "fi",
    "exit",
    "cat",
    "printf",
    "read",
}


def services():
    return {
        name: service
        for file in FILES
        for name, service in yaml.safe_load((COMPOSE / file).read_text(encoding="utf-8"))["services"].items()
    }


SERVICES = services()
NO_FILES = {"functions"}
"""Its command calls Redis and writes no file, unlike others of its program."""
of_every_service = pytest.mark.parametrize("name", SERVICES)


def facts(name):
    return facts_of(defaults(SERVICES[name]["image"]))


def defaults(text):
    """Return *text* as it is when no variable is set."""
    return DEFAULT.sub(lambda found: found[1], text)


def commands(script):
    """Return what the shell *script* runs, its own words left out."""
    for line in re.split(r"\n|;|&&|\|\||\||\bdo\b|\bthen\b", script):
        words = [word for word in line.split() if "=" not in word or word.startswith("-")]
        while words and words[0] in {"exec", "then", "do"}:
            words = words[1:]
        if words and words[0] not in WORDS_OF_THE_SHELL:
            yield words[0]


def programs(name):
    """Return what the service runs to be there, and to be looked at."""
    service = SERVICES[name]
    entrypoint = service.get("entrypoint") or [facts(name).entrypoint or service["command"][0]]
    yield entrypoint[0]
    if entrypoint[0] in {"sh", "bash"}:
        yield from commands(entrypoint[-1])
    check = service.get("healthcheck", {}).get("test")
    if check:
        assert check[0] == "CMD"
        yield check[1]


def writable(service):
    """Return the folders of *service* that it may write to."""
    for mount in service.get("volumes", []):
        parts = defaults(mount).split(":")
        if parts[-1] != "ro" and not mount.startswith(("/", ".")):
            yield parts[1]
    for mount in service.get("tmpfs", []):
        yield mount.partition(":")[0]


def covered(folder, places):
    return any(folder == place or folder.startswith(f"{place}/") for place in places)


@of_every_service
def test_every_program_that_is_run_is_in_the_image(name):
    assert set(programs(name)) - facts(name).programs.keys() == set()


@of_every_service
def test_a_service_runs_as_a_user_that_the_image_is_made_for(name):
    user = SERVICES[name].get("user")
    assert user is None or defaults(user) in facts(name).users


@of_every_service
def test_all_that_is_written_is_a_volume_or_in_memory(name):
    service, known = SERVICES[name], facts(name)
    assert service["read_only"] is True
    wanted = {folder for program in programs(name) if name not in NO_FILES for folder in known.programs[program]}
    wanted |= {service["environment"].get(variable, folder) for variable, folder in known.redirects.items()}
    places = set(writable(service))
    assert {folder for folder in wanted if not covered(folder, places)} == set()


def test_every_port_of_a_link_follows_the_one_that_is_published():
    (published,) = SERVICES["signoz"]["ports"]
    assert published == "127.0.0.1:${PARKSTREAM_SIGNOZ_PORT:-8080}:8080"
    link = SERVICES["signoz"]["environment"]["SIGNOZ_ALERTMANAGER_SIGNOZ_EXTERNAL__URL"]
    assert link == "http://localhost:${PARKSTREAM_SIGNOZ_PORT:-8080}"


def test_the_port_of_the_provisioner_is_the_one_that_alerts_go_to_and_link_to():
    service = SERVICES["signoz-provision"]
    port = str(service["environment"]["PARKSTREAM_PORT"])
    assert port == "8005"
    assert service["healthcheck"]["test"] == ["CMD", "healthy", port]
    assert service["ports"] == [f"127.0.0.1:${{PARKSTREAM_PROVISION_PORT:-{port}}}:{port}"]
    channel = (ROOT / "signoz" / "channels" / "on-call.json").read_text()
    assert f":-http://signoz-provision:{port}/alerts}}" in channel
    for rule in (ROOT / "signoz" / "rules").glob("*.json"):
        assert f":-http://localhost:{port}/runbook}}#" in rule.read_text()


def test_a_dead_letter_is_known_within_90_seconds():
    """The worst case: a scrape, the rest of its minute, the delay, an evaluation and the wait of its group."""
    environ = SERVICES["signoz"]["environment"]
    gateway = (ROOT / "deploy" / "otel-collector" / "gateway.yaml").read_text()
    (scrape,) = re.findall(r"QUEUE_SCRAPE_INTERVAL:-(\d+)s", gateway)
    delay, wait = environ["SIGNOZ_RULER_EVAL__DELAY"], environ["SIGNOZ_ALERTMANAGER_SIGNOZ_ROUTE_GROUP__WAIT"]
    rule = yaml.safe_load((ROOT / "signoz" / "rules" / "dead-letters.json").read_text())
    every = rule["evaluation"]["spec"]["frequency"]
    assert int(scrape) + 60 + sum(int(part.removesuffix("s")) for part in (delay, every, wait)) < 90


def test_no_insert_of_the_ingester_is_tried_again_because_it_is_slow():
    exporters = yaml.safe_load((COMPOSE / "signoz" / "ingester.yaml").read_text())["exporters"]
    assert {name: one.get("timeout") for name, one in exporters.items()} == dict.fromkeys(exporters, "60s")
