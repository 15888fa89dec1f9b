"""The provisioner against a SigNoz that enforces its rules: runs, drift, pruning, and what goes wrong."""

import json

import pytest
from fake_signoz import FakeSigNoz
from provisioner import DELIVERED, LAG, ROOT, SILENCES, actions, applied, checked, copied, provision, wanted

PAGE = "<html>\n<head><title>502 Bad Gateway</title></head>\n<body>\n<h1>502</h1>\n<hr>nginx\n</body>\n</html>\n"


@pytest.fixture
def signoz():
    with FakeSigNoz(admin_after=0) as fake:
        yield fake


def test_the_first_run_brings_everything_and_the_second_changes_nothing(signoz):
    report = applied(signoz.url, "--once")
    assert report["failed"] == 0
    assert {one["name"] for one in signoz.dashboards.values()} == wanted("dashboards", "name")
    assert {one["alert"] for one in signoz.rules.values()} == wanted("rules", "alert")
    assert {one["name"] for one in signoz.views.values()} == wanted("views", "name")
    assert {one["funnel_name"] for one in signoz.funnels.values()} == wanted("funnels", "funnel_name")
    assert all(len(one["steps"]) >= 2 for one in signoz.funnels.values())
    assert {one["name"] for one in signoz.channels.values()} == {"parkstream-on-call"}
    assert signoz.ttl == {"logs": 168, "traces": 168, "metrics": 720}
    signoz.calls.clear()
    assert applied(signoz.url, "--once")["changed"] == 0
    assert signoz.calls == ["POST /api/v2/sessions/email_password"]
    assert checked(signoz.url)[0] == 0


def test_what_was_changed_by_hand_is_drift_and_is_put_back(signoz):
    applied(signoz.url, "--once")
    board = next(one for one in signoz.dashboards.values() if one["name"] == "parkstream-parking")
    board["spec"]["panels"]["r0p0"]["spec"]["display"]["name"] = "Mine now"
    rule = next(iter(signoz.rules.values()))
    rule["condition"]["thresholds"]["spec"][0]["target"] = 1e9
    signoz.views.pop(next(iter(signoz.views)))
    signoz.ttl["traces"] = 1
    next(iter(signoz.funnels.values()))["steps"].pop()
    code, report = checked(signoz.url)
    assert code == 1
    drifted = actions(report, "updated") | actions(report, "created")
    assert {kind for kind, _ in drifted} == {"dashboard", "rule", "view", "retention", "funnel"}
    assert any("'Mine now' instead of 'Cars inside'" in one["why"] for one in report["done"])
    assert applied(signoz.url, "--once")["changed"] == len(drifted) == 5
    assert checked(signoz.url)[0] == 0


def test_a_dry_run_says_what_it_would_do_and_writes_nothing(signoz):
    done = provision(signoz.url, "--dry-run")
    assert done.returncode == 0
    assert "would be created: dashboard parkstream-parking" in done.stdout
    assert not signoz.dashboards
    assert signoz.calls == ["POST /api/v2/sessions/email_password"]


def test_prune_removes_what_is_ours_and_in_no_file_and_nothing_else(signoz, tmp_path):
    applied(signoz.url, "--once")
    theirs = {"name": "their-channel", "webhook_configs": [{"url": "http://them"}]}
    signoz.channels["theirs"] = theirs
    signoz.rules["theirs"] = {"alert": "Theirs"}
    signoz.rules["twice"] = dict(next(iter(signoz.rules.values())))
    files = copied(tmp_path)
    for gone in ("dashboards/parking.json", "views/replays.json", "funnels/1-queue.json", "rules/disk.json"):
        (files / gone).unlink()
    kept = applied(signoz.url, "--once", PARKSTREAM_SIGNOZ_FILES=str(files))
    assert kept["changed"] == 0
    assert len(actions(kept, "left over")) == 5
    pruned = applied(signoz.url, "--once", "--prune", PARKSTREAM_SIGNOZ_FILES=str(files))
    assert actions(pruned, "deleted") == actions(kept, "left over")
    assert "theirs" in signoz.channels
    assert "theirs" in signoz.rules
    assert "parkstream-parking" not in {one["name"] for one in signoz.dashboards.values()}
    assert len([one for one in signoz.rules.values() if one["alert"] != "Theirs"]) == len(wanted("rules", "alert")) - 1


def test_it_waits_for_signoz_and_for_its_first_user():
    with FakeSigNoz(ready_after=1, admin_after=2) as signoz:
        assert applied(signoz.url, "--once")["failed"] == 0


def test_a_signoz_that_is_not_ready_in_time_is_an_error_that_says_what_to_do():
    with FakeSigNoz(ready_after=10_000) as signoz:
        done = provision(signoz.url, "--once", PARKSTREAM_SIGNOZ_READY_SECONDS="0.1")
    assert done.returncode == 1
    assert "was not ready within 0.1 s (not_ready: sqlstore is not ready)" in done.stderr
    assert "PARKSTREAM_SIGNOZ_READY_SECONDS" in done.stderr


def test_a_user_that_never_comes_is_named(signoz):
    more = {"PARKSTREAM_SIGNOZ_READY_SECONDS": "0.1", "PARKSTREAM_SIGNOZ_EMAIL": "nobody@parkstream.example"}
    done = provision(signoz.url, "--once", **more)
    assert done.returncode == 1
    assert "nobody@parkstream.example does not exist yet" in done.stderr


def test_a_wrong_password_is_said_at_once(signoz):
    done = provision(
        signoz.url, "--once", PARKSTREAM_SIGNOZ_PASSWORD="Wrong-Horse-8", PARKSTREAM_SIGNOZ_READY_SECONDS="60"
    )
    assert done.returncode == 1
    assert "refused the login of admin@parkstream.example" in done.stderr
    assert "SIGNOZ_USER_ROOT_PASSWORD" in done.stderr
    assert "Wrong-Horse" not in done.stderr
    assert signoz.calls == ["POST /api/v2/sessions/email_password"]  # It is not tried again.


@pytest.mark.parametrize("version", ["v0.131.0", "0.99.1"])
def test_a_version_that_is_too_old_is_named(version):
    with FakeSigNoz(version=version) as signoz:
        done = provision(signoz.url, "--once")
    assert done.returncode == 1
    assert f"SigNoz is {version}, but its API is used as of v0.138" in done.stderr


def test_a_page_instead_of_json_is_no_success(signoz):
    done = provision(f"{signoz.url}/elsewhere", "--once")
    assert done.returncode == 1
    assert "answered text/html" in done.stderr
    assert "PARKSTREAM_SIGNOZ_URL" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_page_that_refuses_is_reported_in_one_line(signoz):
    signoz.gateway_page = PAGE
    done = provision(signoz.url, "--once", PARKSTREAM_SIGNOZ_READY_SECONDS="0.1")
    assert done.returncode == 1
    assert "a page, 502 Bad Gateway" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert "<" not in done.stderr


def test_nobody_there_is_an_error_with_the_address():
    done = provision("http://127.0.0.1:1", "--once", PARKSTREAM_SIGNOZ_READY_SECONDS="0.1")
    assert done.returncode == 1
    assert "http://127.0.0.1:1" in done.stderr


def test_a_locked_dashboard_is_left_alone_and_said(signoz):
    applied(signoz.url, "--once")
    board = next(iter(signoz.dashboards.values()))
    board["locked"] = True
    assert applied(signoz.url, "--once")["failed"] == 0
    board["spec"]["display"]["name"] = "Locked and changed"
    done = provision(signoz.url, "--once")
    assert done.returncode == 1
    assert "it is locked: unlock it in SigNoz" in done.stdout
    assert board["spec"]["display"]["name"] == "Locked and changed"


def test_what_signoz_refuses_does_not_hold_up_the_rest(signoz, tmp_path):
    files = copied(tmp_path)
    path = files / "dashboards" / "parking.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"generateName": True}))
    done = provision(signoz.url, "--once", PARKSTREAM_SIGNOZ_FILES=str(files))
    assert done.returncode == 1
    assert "failed dashboard parkstream-parking: dashboard_invalid_input" in done.stdout
    assert len(signoz.dashboards) == len(wanted("dashboards", "name")) - 1
    assert signoz.views


def said(report, level):
    return {(one["where"].partition(",")[0], one["message"]) for one in report["queries"] if one["level"] == level}


def test_check_tells_what_is_rare_from_what_is_misspelt(signoz, tmp_path):
    applied(signoz.url, "--once")
    assert checked(signoz.url) == (0, report := checked(signoz.url)[1])
    assert report["queries"] == []
    signoz.never_received = {"parking.cars.inside", "parking.commit.size.count", "system.filesystem.utilization"}
    signoz.dormant = {"parking.dead_letters", "parking.visit.dwell.bucket"}
    signoz.unknown_keys = {"parking.pending"}
    code, report = checked(signoz.url)
    assert code == 0
    notes = said(report, "note")
    assert notes == {(one["where"].partition(",")[0], one["message"]) for one in report["queries"]}
    assert ("parkstream-parking", "metric parking.cars.inside was not received, or not lately") in notes
    assert ("parkstream-rabbitmq", "metric parking.dead_letters was not received, or not lately") in notes
    assert ("view parkstream-slow-exits", "key parking.pending was not received, or not lately") in notes
    done = provision(signoz.url, "--check")
    assert (
        "note: metric parking.cars.inside was not received, or not lately: it is listed, and may be rare" in done.stdout
    )
    files = copied(tmp_path)
    board = files / "dashboards" / "parking.json"
    board.write_text(board.read_text().replace("parking.cars.inside", "parking.car.inside"))
    view = files / "views" / "slow-exits.json"
    view.write_text(view.read_text().replace("parking.pending", "parking.pendng"))
    applied(signoz.url, "--once", PARKSTREAM_SIGNOZ_FILES=str(files))
    signoz.never_received |= {"parking.car.inside"}
    signoz.unknown_keys |= {"parking.pendng"}
    code, report = checked(signoz.url, "--ignore-warnings", PARKSTREAM_SIGNOZ_FILES=str(files))
    assert code == 1
    nobody = "is not listed, nobody reports it: is it"
    assert said(report, "error") == {
        ("parkstream-parking", f"metric parking.car.inside {nobody} parking.cars.inside?"),
        ("view parkstream-slow-exits", f"key parking.pendng {nobody} parking.pending?"),
    }


def test_without_a_list_of_names_what_was_never_received_is_a_warning(signoz, tmp_path):
    files = copied(tmp_path)
    (files / "names.json").unlink()
    applied(signoz.url, "--once")
    signoz.never_received = {"parking.cars.inside"}
    code, report = checked(signoz.url, PARKSTREAM_SIGNOZ_FILES=str(files))
    assert code == 1
    assert {one["level"] for one in report["queries"]} == {"warning"}
    assert checked(signoz.url, "--ignore-warnings", PARKSTREAM_SIGNOZ_FILES=str(files))[0] == 0


@pytest.mark.parametrize("missing", ["never_received", "dormant"])
def test_a_rule_of_missing_data_is_made_when_its_figure_has_come(signoz, missing):
    setattr(signoz, missing, {LAG, DELIVERED})
    report = applied(signoz.url, "--once")
    assert actions(report, "deferred") == SILENCES
    assert signoz.fired_at_once == []
    assert checked(signoz.url)[0] == 0
    assert applied(signoz.url, "--once")["changed"] == 0
    setattr(signoz, missing, {LAG})
    assert actions(applied(signoz.url, "--once"), "created") == {one for one in SILENCES if "records" in one[1]}
    setattr(signoz, missing, set())
    assert len(actions(applied(signoz.url, "--once"), "created")) == 1
    assert signoz.fired_at_once == []
    assert {one["alert"] for one in signoz.rules.values()} == wanted("rules", "alert")


@pytest.mark.parametrize(
    ("file", "breaking", "says"),
    [
        ("rules/summary-file-fsync.json", ("= 'write'", "= 'write"), "filter syntax error"),
        ("rules/matched-share.json", ("B - A", "B - C"), "unknown query in the formula"),
        ("dashboards/camera-to-disk.json", ("SELECT ts,", "SELEKT ts,"), "Syntax error"),
    ],
)
def test_a_broken_query_is_taken_by_signoz_and_found_by_check(signoz, tmp_path, file, breaking, says):
    files = copied(tmp_path)
    text = (files / file).read_text()
    assert breaking[0] in text
    (files / file).write_text(text.replace(*breaking, 1))
    applied(signoz.url, "--once", PARKSTREAM_SIGNOZ_FILES=str(files))
    code, report = checked(signoz.url, "--ignore-warnings", PARKSTREAM_SIGNOZ_FILES=str(files))
    assert code == 1
    assert [says in one["message"] for one in report["queries"] if one["level"] == "error"] == [True]


def test_a_channel_takes_its_address_from_the_environment(signoz, tmp_path):
    applied(signoz.url, "--once", PARKSTREAM_ALERT_WEBHOOK_URL='http://pager/"quoted"')
    (channel,) = signoz.channels.values()
    assert channel["webhook_configs"][0]["url"] == 'http://pager/"quoted"'
    files = copied(tmp_path)
    (files / "channels" / "on-call.json").write_text('{"name": "parkstream-on-call", "url": "${NOT_SET}"}')
    done = provision(signoz.url, "--once", PARKSTREAM_SIGNOZ_FILES=str(files))
    assert done.returncode == 1
    assert "on-call.json needs NOT_SET, which is not set" in done.stderr


def test_the_link_to_the_runbook_is_that_of_the_environment(signoz):
    applied(signoz.url, "--once", PARKSTREAM_RUNBOOK_URL="https://wiki/runbook")
    links = {one["annotations"]["runbook"] for one in signoz.rules.values()}
    assert all(link.startswith("https://wiki/runbook#") for link in links)
    applied(signoz.url, "--once")
    links = {one["annotations"]["runbook"] for one in signoz.rules.values()}
    assert all(link.startswith("http://localhost:8005/runbook#") for link in links)


def test_misuse_is_told(signoz):
    assert provision(signoz.url, "--check", "--prune").returncode == 2
    assert provision(signoz.url, "--once", PARKSTREAM_SIGNOZ_PASSWORD="").returncode == 2
    done = provision(signoz.url, "--once", PARKSTREAM_SIGNOZ_FILES=str(ROOT / "docs"))
    assert done.returncode == 1
    assert "PARKSTREAM_SIGNOZ_FILES" in done.stderr
