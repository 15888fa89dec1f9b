"""All members have one version, and depend on each other at that version."""

import shutil

from the_tree import ROOT

from release.lockstep import differing, manifests, set_version


def test_all_members_are_at_the_version_of_the_root():
    assert sorted(str(path.relative_to(ROOT)) for path in differing(ROOT)) == []


def test_another_version_reaches_every_member_and_every_pin(tmp_path):
    for path in manifests(ROOT):
        copy = tmp_path / path.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, copy)
    assert set_version(tmp_path, "7.8.9") == sorted(manifests(tmp_path))
    texts = [path.read_text() for path in manifests(tmp_path)]
    assert all('version = "7.8.9"' in text for text in texts)
    pins = {line.strip() for text in texts for line in text.splitlines() if line.startswith('    "parkstream-')}
    assert {pin for pin in pins if not pin.endswith('==7.8.9",')} == set()
    assert pins
