"""The compose files: no secret, no port of the network, nothing unbounded, no variable that nobody reads."""

import json
import os
import re
import shutil
import subprocess
import sys
from hashlib import sha256

import pytest
import yaml
from compose_stack import CONTAINERS
from parkstream_cli.doctor.signoz_stack import STEPS
from parkstream_service.access import Role
from parkstream_service.access.callers import read_callers
from the_tree import ROOT

COMPOSE = ROOT / "deploy" / "compose"
FILES = ["compose.yaml", "compose.lite.yaml", "compose.cluster.yaml", "cli.yaml"]
ALL = ["compose.yaml", "signoz.yaml", "cli.yaml"]
VARIABLE = re.compile(r"\$\{([A-Z][A-Z0-9_]*)(?::-([^}]*)|:\?[^}]*)?\}")
EXAMPLE = re.compile(r"^#([A-Z][A-Z0-9_]*)=(.*)$", re.MULTILINE)
GIVEN = {
    "HOST",
    "PORT",
    "ALLOWED_HOSTS",
    "CREDENTIALS_FILE",
    "RABBITMQ_URL",
    "REDIS_URL",
    "SUMMARY_URL",
    "SUMMARY_FILE",
    "ARCHIVE_DIR",
    "BACKEND_URL",
    "SIGNOZ_URL",
    "SNAPSHOT_DIR",
    "ENTRY_GENERATOR_URL",
    "EXIT_GENERATOR_URL",
    "PEOPLE_FILE",
}
"""What compose decides, because services find each other by it."""
SECRET = {"API_TOKEN", "PLATE_HASH_KEY", "SESSION_KEY", "SIGNOZ_API_KEY"}
NOT_GIVEN = {"CELLS", "RABBITMQ_BACKEND_USER", "SIGNOZ_API_KEY", "SIGNOZ_API_URL", "TRACES_FILE"}
"""What is as its default says, there once somebody has made it in SigNoz or has several malls, or on lite only."""
OF_A_DIRECTION = {"GATES", "GATE_FAULTS"}
"""Both generators have them; compose gives each its own."""
SERVICES = ["entry-generator", "exit-generator", "backend", "summary-api", "console"]
ENDING = {"clickhouse-functions", "functions", "signoz-migrator"}
"""One-shot containers of the stack."""
UNCHECKED = {"cli", "otel-collector", "otel-collector-hosts"} | ENDING
"""What ends by itself, and the collector, whose image has no shell: otel-collector-health looks at it."""
ROOTS = {"signoz"}
"""Its volume belongs to root; it has no capability."""


def loaded(name):
    return yaml.safe_load((COMPOSE / name).read_text(encoding="utf-8"))


def services(*names):
    return {name: service for file in names for name, service in loaded(file)["services"].items()}


EVERY = services(*ALL)
of_every_service = pytest.mark.parametrize("service", EVERY.values(), ids=list(EVERY))


@pytest.mark.parametrize("file", FILES)
def test_docker_takes_the_file(file):
    if not shutil.which("docker") or subprocess.run(["docker", "compose", "version"], check=False).returncode:
        (pytest.fail if CONTAINERS == "yes" else pytest.skip)("docker compose is not installed")
    command = ["docker", "compose", "-f", COMPOSE / file, "--profile", "*", "config", "--format", "json"]
    there = {**os.environ, "PARKSTREAM_SECRETS": ".secrets"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=there)
    assert done.returncode == 0, done.stderr
    assert "level=warning" not in done.stderr
    assert all(service["image"] for service in json.loads(done.stdout)["services"].values())
    environ = {name: value for name, value in os.environ.items() if name != "PARKSTREAM_SECRETS"}
    without = ["docker", "compose", "--env-file", os.devnull, "-f", COMPOSE / file, "config"]
    refused = subprocess.run(without, capture_output=True, text=True, check=False, env=environ)
    assert refused.returncode != 0
    assert "run ./dev secrets" in refused.stderr


@pytest.mark.parametrize("file", FILES)
def test_compose_lint_finds_nothing_that_is_not_explained(file):
    run("compose-lint", "check", "--quiet", "--fail-on", "low", f"deploy/compose/{file}")


def test_no_explanation_of_compose_lint_is_left_over():
    run("compose-lint", "check", "--quiet", "--strict-config", "--fail-on", "low", "deploy/compose/compose.yaml")


def test_hadolint_finds_nothing():
    run("hadolint", "--failure-threshold", "info", "deploy/compose/app.Dockerfile")


def test_yamllint_finds_nothing():
    run("yamllint", "--strict", "--config-file", "deploy/.yamllint.yaml", "deploy")


def run(*command):
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@of_every_service
def test_every_image_has_a_tag_that_is_not_latest_and_may_get_a_digest(service):
    _, default = VARIABLE.search(service["image"]).groups()
    name = VARIABLE.sub(lambda found: found[2], service["image"])
    assert re.fullmatch(r"[\w./-]+:[\w.-]*[\w]", name)
    assert not name.endswith(":latest")
    assert default


def test_what_images_are_built_on_has_a_tag():
    given = re.findall(r"^ARG \w+_IMAGE=(.+)$", (COMPOSE / "app.Dockerfile").read_text(), re.MULTILINE)
    assert len(given) == 2
    assert all(re.fullmatch(r"[\w./-]+:[\w.-]+", image) and "latest" not in image for image in given)


@of_every_service
def test_every_port_is_published_on_loopback_only(service):
    assert all(str(port).startswith("127.0.0.1:") for port in service.get("ports", []))


@of_every_service
def test_every_service_is_bounded_and_has_no_rights(service):
    limits = service["deploy"]["resources"]["limits"]
    assert {"cpus", "memory", "pids"} <= limits.keys()
    assert service["read_only"] is service["init"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["restart"]
    assert service["networks"]
    assert {"container_name", "privileged", "cap_add", "network_mode"} & service.keys() == set()


@pytest.mark.parametrize("name", sorted(EVERY.keys() - UNCHECKED))
def test_every_service_that_stays_has_a_health_check(name):
    assert EVERY[name]["healthcheck"]["test"][0] == "CMD"


def test_nobody_is_root_but_whose_volume_is():
    assert {name for name, service in EVERY.items() if service.get("user") in {"0:0", "0", "root"}} == ROOTS


def test_backends_may_be_several():
    assert "ports" not in EVERY["backend"]


def test_lite_has_the_same_services_but_signoz():
    lite = loaded("compose.lite.yaml")
    assert lite["services"].keys() == services("compose.yaml").keys() - {"otel-collector-hosts"}
    assert all(service["extends"]["file"] == "compose.yaml" for service in lite["services"].values())
    for part in ("name", "networks", "volumes", "secrets"):
        assert lite[part] == loaded("compose.yaml")[part]


def test_the_command_line_starts_nothing_and_makes_nothing_of_the_stack():
    stack, beside = loaded("compose.yaml"), loaded("cli.yaml")
    assert beside["name"] == f"{stack['name']}-cli"
    assert list(beside["services"]) == ["cli"]
    assert {"depends_on", "links", "ports", "extends"} & beside["services"]["cli"].keys() == set()
    for part in ("networks", "volumes"):
        for name, one in beside[part].items():
            assert one == {"external": True, "name": f"{stack['name']}_{name}"}
            assert name in stack[part]


def test_doctor_knows_every_step_of_signoz():
    assert set(STEPS) == loaded("signoz.yaml")["services"].keys() | {"otel-collector"}


def test_what_ends_by_itself_is_waited_for():
    """Else ``up --wait`` takes its end for a failure."""
    depended = {
        name
        for service in EVERY.values()
        for name, how in (service.get("depends_on") or {}).items()
        if how["condition"] == "service_completed_successfully"
    }
    assert depended == ENDING


def test_lite_is_bounded_by_about_a_gibibyte():
    """As Docker adds it up: a limit of lite's own, or else that of compose.yaml."""
    total = 0
    for name, service in loaded("compose.lite.yaml")["services"].items():
        if name in ENDING:
            continue
        own = service.get("deploy", EVERY[name]["deploy"])["resources"]["limits"]["memory"]
        total += int(VARIABLE.sub(lambda found: found[2], own).removesuffix("m"))
    assert total <= 1_440


def test_every_secret_is_a_file_that_is_made_and_none_is_in_the_tree(tmp_path):
    make = [sys.executable, COMPOSE / "make_secrets.py", "--folder", tmp_path]
    subprocess.run(make, check=True, capture_output=True)
    first = {path.name: path.read_text() for path in tmp_path.iterdir()}
    asked = {name: one for file in ALL for name, one in loaded(file)["secrets"].items()}
    assert all(one == {"file": f"${{PARKSTREAM_SECRETS:?run ./dev secrets}}/{name}"} for name, one in asked.items())
    assert asked.keys() <= first.keys()
    assert tmp_path.stat().st_mode & 0o777 == 0o700
    said = subprocess.run(make, check=True, capture_output=True, text=True).stdout
    assert "nothing was missing" in said
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == first
    kept = subprocess.run(["git", "ls-files", "deploy"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert ".secrets" not in kept


def test_what_is_missing_is_added_and_what_is_there_is_kept(tmp_path):
    """As after an upgrade, in a clone whose .env is the user's."""
    here, rights = tmp_path / "deploy" / "compose", "libs/operations/src/parkstream_operations/cells"
    shutil.copytree(ROOT / rights, tmp_path / rights)
    here.mkdir(parents=True)
    make = [sys.executable, shutil.copy(COMPOSE / "make_secrets.py", here)]
    environ = {name: value for name, value in os.environ.items() if not name.startswith("PARKSTREAM_")}
    (here / ".env").write_text("PARKSTREAM_RATE=1")
    subprocess.run(make, check=True, capture_output=True, env=environ)
    first = {path.name: path.read_text() for path in (here / ".secrets").iterdir()}
    for name in ("redis_password_loader", "redis_url_loader", "api_token"):
        (here / ".secrets" / name).unlink()
    again = subprocess.run(make, check=True, capture_output=True, text=True, env=environ)
    assert "made 2: api_token, redis_password_loader" in again.stdout
    second = {path.name: path.read_text() for path in (here / ".secrets").iterdir()}
    changed = {"redis_password_loader", "redis_url_loader", "redis_users.acl", "api_token", "credentials.json"}
    assert {name for name in first if second[name] != first[name]} == changed
    assert (here / ".env").read_text() == "PARKSTREAM_RATE=1\nPARKSTREAM_SECRETS=.secrets\n"


@pytest.mark.parametrize(
    ("planted", "why"),
    [
        (lambda folder: folder.chmod(0o777), "others may write .*chmod go-w"),
        (lambda folder: (folder / "api_token").chmod(0o666), "others may write .*api_token: "),
        (lambda folder: (folder / "credentials.json").chmod(0o664), "others may write .*credentials.json: "),
        (lambda folder: (folder / "new").symlink_to(folder.parent / "elsewhere"), "new is no file"),
        (lambda folder: os.mkfifo(folder / "new"), "new is no file"),
        (lambda folder: (folder / "api_token").unlink() or (folder / "api_token").mkdir(), "Is a directory"),
    ],
)
def test_what_others_may_have_put_there_is_not_taken(tmp_path, planted, why):
    folder = tmp_path / "secrets"
    make = [sys.executable, COMPOSE / "make_secrets.py", "--folder", folder]
    subprocess.run(make, check=True, capture_output=True)
    planted(folder)
    before = {path: path.read_text() for path in folder.iterdir() if path.is_file()}
    done = subprocess.run(make, check=False, capture_output=True, text=True)
    assert done.returncode in {1, 2}
    assert re.match(f"error: .*{why}", done.stderr)
    assert done.stderr.count("\n") == 1
    assert {path: path.read_text() for path in folder.iterdir() if path.is_file()} == before
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize("broken", ["{", "[]", '{"cli":1}', '{"cli":{"secrets":1}}', "\udcff"])
def test_a_broken_file_of_callers_is_made_anew(tmp_path, broken):
    make = [sys.executable, COMPOSE / "make_secrets.py", "--folder", tmp_path]
    subprocess.run(make, check=True, capture_output=True)
    file = tmp_path / "credentials.json"
    first = file.read_text()
    file.write_bytes(broken.encode(errors="surrogateescape"))
    subprocess.run(make, check=True, capture_output=True)
    assert file.read_text() == first


def test_two_deployments_share_no_secret(tmp_path):
    for name in "ab":
        make = [sys.executable, COMPOSE / "make_secrets.py", "--folder", tmp_path / name]
        subprocess.run(make, check=True, capture_output=True)
    both = [{file.read_text() for file in (tmp_path / name).iterdir()} for name in "ab"]
    assert both[0] & both[1] == {"{}"}  # The people: nobody yet.


def test_what_has_no_password_is_reached_by_signoz_alone():
    signoz = {name for name, service in EVERY.items() if "signoz" in service["networks"]}
    steps = {"clickhouse-functions", "signoz-migrator"}
    assert signoz == {"clickhouse", "clickhouse-keeper", "signoz", "signoz-ingester", "signoz-provision", *steps}
    assert EVERY["clickhouse"]["networks"] == EVERY["clickhouse-keeper"]["networks"] == ["signoz"]
    assert loaded("signoz.yaml")["networks"]["signoz"] == {"internal": True}
    assert {"signoz_root_password", "signoz_jwt_secret"} == set(EVERY["signoz"]["secrets"])


@of_every_service
def test_no_secret_is_in_the_environment(service):
    for name, value in (service.get("environment") or {}).items():
        if re.search("PASSWORD|TOKEN|SECRET|_KEY|REDIS_URL|RABBITMQ_URL", name):
            assert name.endswith("_FILE"), name
            assert value.startswith("/run/secrets/")


@pytest.fixture(scope="module")
def told():
    environ = {name: value for name, value in os.environ.items() if not name.startswith("PARKSTREAM_")}
    command = [sys.executable, "-m", "parkstream_cli", "config", "--json"]
    said = json.loads(subprocess.run(command, env=environ, capture_output=True, check=True).stdout)["services"]
    return {
        service.removeprefix("parkstream-"): {one["name"].removeprefix("PARKSTREAM_"): one for one in variables}
        for service, variables in said.items()
    }


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_is_given_its_own_variables_all_and_no_others(told, service):
    calls_others = service in {"backend", "console"}
    given = {name.removeprefix("PARKSTREAM_") for name in EVERY[service]["environment"] if name.startswith("PARK")}
    own = told[service].keys() - (set() if calls_others else {"API_TOKEN"}) - NOT_GIVEN
    assert {name.removesuffix("_FILE") if name.removesuffix("_FILE") in own else name for name in given} == own


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_answers_by_its_name_and_by_those_of_this_machine(service):
    hosts = EVERY[service]["environment"]["PARKSTREAM_ALLOWED_HOSTS"].split(",")
    assert hosts == ["localhost", "127.0.0.1", "[::1]", service]


def test_callers_have_credentials_of_their_own_and_a_changed_one_stays_valid_until_the_next_run(tmp_path):
    make = [sys.executable, COMPOSE / "make_secrets.py", "--folder", tmp_path]
    file, token = tmp_path / "credentials.json", tmp_path / "api_token_backend"

    def made():
        subprocess.run(make, check=True, capture_output=True)
        return {caller.digest: (caller.name, caller.roles) for caller in read_callers(file)}

    first = made()
    assert sorted(name for name, _ in first.values()) == ["backend", "cli", "console", "metrics", "operator"]
    was = sha256(token.read_bytes()).digest()
    assert first[was] == ("backend", {Role.SUMMARIES_WRITE})
    inode = file.stat().st_ino
    token.write_text("")
    now = made()
    assert now[was] == now[sha256(token.read_bytes()).digest()] == first[was]
    assert len(now) == len(first) + 1
    assert made() == {digest: caller for digest, caller in now.items() if digest != was}
    assert file.stat().st_ino == inode  # Containers have it mounted.


def test_the_example_has_every_variable_with_its_default_and_no_others(told):
    example = dict(EXAMPLE.findall((COMPOSE / ".env.example").read_text(encoding="utf-8")))
    wanted, excepted = {}, GIVEN | SECRET | OF_A_DIRECTION | NOT_GIVEN
    for variables in told.values():
        wanted |= {f"PARKSTREAM_{name}": one["default"] or "" for name, one in variables.items()}
    wanted = {name: value for name, value in wanted.items() if name.removeprefix("PARKSTREAM_") not in excepted}
    for file in ALL:
        wanted |= {name: default for name, default in VARIABLE.findall((COMPOSE / file).read_text()) if default}
    read = {name for service in EVERY.values() for name, value in service.get("environment", {}).items() if not value}
    read |= {name for file in [*FILES, *ALL] for name, _ in VARIABLE.findall((COMPOSE / file).read_text())}
    assert {name: example.get(name) for name in wanted} == wanted
    assert example.keys() == read | wanted.keys()
