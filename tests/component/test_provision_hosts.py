"""By which names the provisioner answers is a setting, as of every service."""

from attacks import said_to, status_of
from parkstream_devtools import Sandbox
from raw_http import status


def test_names_are_a_setting(sandbox: Sandbox):
    names = {"PARKSTREAM_ALLOWED_HOSTS": "signoz-provision,localhost", "PARKSTREAM_SIGNOZ_PASSWORD": "of nobody"}
    service = sandbox.service("fuzzing.provisioner", names)
    service.wait_ready()
    alerts, kind = b'{"alerts":[]}', {"Content-Type": "application/json"}
    asked = {
        host: status(service.port, "/alerts", kind | {"Host": host}, "POST", alerts)
        for host in ("signoz-provision:8005", "localhost", "[::1]", "signoz-provision.", "evil.example")
    }
    assert list(asked.values()) == [200, 200, 403, 403, 403]
    own = status(service.port, "/alerts", kind | {"Origin": "http://signoz-provision"}, "POST", alerts)
    assert own == 200
    assert status_of(said_to(service.port, b"GET /health/live HTTP/1.0\r\n\r\n")) == 200
    service.kill()
