"""The provisioner while it stays: health, drift, rules that had to wait, alerts, and the runbook."""

import json
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest
from attacks import crowd, live, refusals, said_to, status_of
from fake_signoz import FakeSigNoz
from provisioner import DELIVERED, FILES, LAG, RUNBOOK, SILENCES, environ
from raw_http import status

WAIT_SECONDS = 120


@pytest.fixture
def signoz():
    with FakeSigNoz(admin_after=0) as fake:
        yield fake


class Staying:
    """The provisioner as it stays."""

    def __init__(self, url):
        more = {"PARKSTREAM_SIGNOZ_CHECK_SECONDS": "0.2", "PARKSTREAM_SIGNOZ_RUNBOOK": str(RUNBOOK)}
        command = [sys.executable, "-m", "parkstream_provision"]
        self.process = subprocess.Popen(command, env=environ(url, **more), stdout=subprocess.PIPE, text=True)
        self.url = f"http://127.0.0.1:{self.said('provision.staying')['port']}"
        self.becomes(200, "live")

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.process.terminate()
        assert self.process.wait(WAIT_SECONDS) == 0
        self.process.stdout.close()

    def said(self, event):
        for line in self.process.stdout:
            if line.startswith("{") and json.loads(line)["event"] == event:
                return json.loads(line)
        raise AssertionError(event)

    def becomes(self, status, kind="ready"):
        deadline = time.monotonic() + WAIT_SECONDS
        while self.status(kind) != status:
            assert time.monotonic() < deadline
            time.sleep(0.05)

    def status(self, kind):
        try:
            with urllib.request.urlopen(f"{self.url}/health/{kind}", timeout=60) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            with error:
                return error.code
        except urllib.error.URLError:
            return None

    def asked(self, path, content):
        request = urllib.request.Request(self.url + path, content, {"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            with error:
                return error.code


def test_it_stays_and_is_healthy_while_nothing_drifts(signoz):
    with Staying(signoz.url) as staying:
        staying.becomes(200)
        board = next(iter(signoz.dashboards.values()))
        before = board["spec"]["display"]["name"]
        board["spec"]["display"]["name"] = "Mine now"
        staying.becomes(503)
        assert "Mine now" in staying.said("provision.drifted")["drift"][0]
        board["spec"]["display"]["name"] = before
        staying.becomes(200)
        alert = {"alerts": [{"status": "firing", "labels": {"alertname": "Parkstream: Dead letters arrived"}}]}
        port, body = int(staying.url.rpartition(":")[2]), json.dumps(alert).encode()
        as_json = {"Content-Type": "application/json"}
        for foreign in ({"Origin": "http://evil.example"}, {"Host": "evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
            assert status(port, "/alerts", as_json | foreign, "POST", body) == 403
            assert status(port, "/runbook", foreign) == 403
            assert status(port, "/health/ready", foreign) == 200
        assert status(port, "/alerts", {"Content-Type": "text/plain"}, "POST", body) == 415
        assert staying.asked("/alerts", body) == 200
        assert staying.said("alert")["labels"]["alertname"] == "Parkstream: Dead letters arrived"


def test_what_is_no_alert_is_refused_and_its_port_has_the_limits(signoz):
    with Staying(signoz.url) as staying:
        bodies = (
            *(b"no JSON", b'"\xff"', b"[" * 60_000, b"[]", b"{}", b'{"alerts":[1]}', b'{"alerts":[{"labels":[]}]}'),
            b'{"alerts":[' + b"{}," * 340_000 + b"{}]}",  # Each would be a line of the log.
        )
        assert {staying.asked("/alerts", body) for body in bodies} == {400}
        assert staying.asked("/alerts", b'{"alerts":[{"labels":null,"other":1}]}') == 200
        assert staying.said("alert")["labels"] is None
        port = int(staying.url.rpartition(":")[2])
        assert status_of(said_to(port, b"GET /health/live HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 16_400)) == 431
        with crowd(port, 300, b"GET /"):
            assert live(port) == 200
        assert refusals(port)("connections") >= 300 - 256
        assert staying.said("http.refused")


def test_it_stays_and_adds_a_rule_when_its_figure_has_come(signoz):
    signoz.never_received = {LAG, DELIVERED}
    with Staying(signoz.url) as staying:
        staying.becomes(200)
        assert not SILENCES & {("rule", one["alert"]) for one in signoz.rules.values()}
        signoz.never_received = set()
        added = staying.said("provision.added")["rules"]
        assert {("rule", name) for name in added} <= SILENCES
        staying.becomes(200)
    assert {("rule", one["alert"]) for one in signoz.rules.values()} >= SILENCES
    assert signoz.fired_at_once == []


def test_a_rule_that_was_removed_by_hand_is_drift_and_stays_removed(signoz):
    with Staying(signoz.url) as staying:
        staying.becomes(200)
        gone = next(key for key, one in signoz.rules.items() if ("rule", one["alert"]) in SILENCES)
        del signoz.rules[gone]
        staying.becomes(503)
        assert gone not in signoz.rules


def test_the_runbook_that_alerts_link_to_is_shown_with_its_headings(signoz):
    anchors = {
        json.loads(path.read_text())["annotations"]["runbook"].partition("#")[2] for path in FILES.glob("rules/*.json")
    }
    with Staying(signoz.url) as staying, urllib.request.urlopen(f"{staying.url}/runbook", timeout=60) as answer:
        assert answer.headers.get_content_type() == "text/html"
        page = answer.read().decode()
    assert [anchor for anchor in anchors if f'id="{anchor}"' not in page] == []
    assert "<script" not in page
