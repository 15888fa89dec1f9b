"""What runs where the repository is hosted: well formed, with few rights, and with nothing that others can swap."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from the_tree import ROOT

GITHUB = ROOT / ".github"
WORKFLOWS = sorted((GITHUB / "workflows").glob("*.yaml"))
SCHEMAS = {
    "vendor.github-workflows": WORKFLOWS,
    "vendor.dependabot": [GITHUB / "dependabot.yml"],
    "vendor.github-issue-config": [GITHUB / "ISSUE_TEMPLATE" / "config.yml"],
    "vendor.github-issue-forms": [GITHUB / "ISSUE_TEMPLATE" / name for name in ("wrong.yml", "missing.yml")],
}


def passes(program, *words):
    command = [Path(sys.executable).with_name(program), *words]
    done = subprocess.run(list(map(str, command)), cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def loaded(path):
    return yaml.safe_load(path.read_text())


def steps_of(workflow):
    return [step for job in loaded(workflow)["jobs"].values() for step in job.get("steps", [])]


@pytest.mark.parametrize("schema", SCHEMAS)
def test_each_file_has_the_shape_that_it_must(schema):
    passes("check-jsonschema", "--builtin-schema", schema, *SCHEMAS[schema])


def test_they_are_tidy():
    passes("yamllint", "--strict", "-c", "deploy/.yamllint.yaml", GITHUB)


def test_nothing_is_found_that_attackers_use():
    """Actions by tag, rights for all jobs, texts of others in scripts, credentials that stay, caches in a release."""
    passes("zizmor", "--offline", "--no-progress", "--quiet", GITHUB)


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)
def test_actions_are_named_by_digest_and_say_their_version(workflow):
    used = re.findall(r"uses: (?!\$/)(.+)", workflow.read_text())
    assert used
    assert [one for one in used if not re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", one)] == []


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)
def test_rights_are_given_to_single_jobs(workflow):
    found = loaded(workflow)
    assert found["permissions"] == {}
    assert [name for name, job in found["jobs"].items() if "permissions" not in job] == []
    assert [name for name, job in found["jobs"].items() if "steps" in job and "timeout-minutes" not in job] == []


def test_what_is_checked_there_is_what_is_checked_here():
    assert [step["run"] for step in steps_of(GITHUB / "workflows" / "ci.yaml") if ".ci" in step.get("run", "")] == [
        ".ci/run"
    ]
    release = loaded(GITHUB / "workflows" / "release.yaml")["jobs"]
    assert release["check"]["uses"].endswith("/ci.yaml")
    for name in ("wheels", "images"):
        assert release[name]["needs"] == "check"
    assert set(release["publish"]["needs"]) == {"wheels", "images"}


def test_an_image_is_made_of_every_app_that_compose_builds():
    named = {
        app
        for path in (ROOT / "deploy" / "compose").glob("*.yaml")
        for app in re.findall(r"APP: ([\w-]+)", path.read_text())
    }
    matrix = loaded(GITHUB / "workflows" / "release.yaml")["jobs"]["images"]["strategy"]["matrix"]["app"]
    assert sorted(named) == matrix


def test_a_release_brings_the_digests_that_images_have_then():
    """They are made before they are vouched for, and are among what its page has."""
    release = loaded(GITHUB / "workflows" / "release.yaml")["jobs"]
    steps = [step.get("run") or step["uses"].partition("@")[0] for step in release["wheels"]["steps"]]
    vouched, kept = (steps.index(f"actions/{name}") for name in ("attest-build-provenance", "upload-artifact"))
    assert steps.index("./dev images --file dist/images.env") < vouched < kept
    assert release["wheels"]["steps"][vouched]["with"] == {"subject-path": "dist/*"}
    assert release["wheels"]["steps"][kept]["with"]["path"] == "dist/"
    assert release["publish"]["steps"][-1]["run"].endswith(" dist/*")


def test_uv_is_of_the_version_that_images_are_built_with():
    (wanted,) = re.findall(r"UV_IMAGE=\S+:([\d.]+)", (ROOT / "deploy" / "compose" / "app.Dockerfile").read_text())
    versions = [
        step["with"]["version"] for path in WORKFLOWS for step in steps_of(path) if "setup-uv" in step.get("uses", "")
    ]
    assert set(versions) == {wanted}


def test_whoever_reports_is_asked_for_what_helps():
    asked = {field.get("id"): field for field in loaded(GITHUB / "ISSUE_TEMPLATE" / "wrong.yml")["body"]}
    assert "parkstream doctor --json" in asked["doctor"]["attributes"]["label"]
    assert "parkstream --version" in asked["versions"]["attributes"]["description"]
    assert asked["doctor"]["validations"] == asked["versions"]["validations"] == {"required": True}
