"""By which names and addresses a request may ask for us."""

import pytest
from parkstream_service.access import Arrival, objection
from parkstream_service.refusals import Refusal

OURS = frozenset({"localhost", "[::1]"})


def why(address: str = "", **headers: str) -> Refusal | None:
    sent = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    found = objection(Arrival(sent, address), OURS)
    return found.why if found else None


@pytest.mark.parametrize(
    ("address", "host"),
    [("10.0.0.7", "10.0.0.7:8000"), ("10.0.0.7", "10.0.0.7"), ("fd00::7", "[fd00::7]:8000"), ("fd00::7", "[FD00::7]")],
)
def test_the_address_that_was_reached_is_ours(address: str, host: str):
    assert why(address, host=host) is None
    assert why("10.0.0.8", host=host) is Refusal.HOST
    assert why("", host=host) is Refusal.HOST


@pytest.mark.parametrize(("address", "host"), [("0.0.0.0", "0.0.0.0:8000"), ("::", "[::]"), ("a socket", "a socket")])
def test_an_address_of_all_or_none_is_nobodys(address: str, host: str):
    """Browsers take a page of 0.0.0.0 to this machine."""
    assert why(address, host=host) is Refusal.HOST


@pytest.mark.parametrize("port", ["0", "8000", "65535", "00080"])
def test_a_port_that_can_be_is_taken(port: str):
    assert why(host=f"localhost:{port}", origin=f"http://localhost:{port}") is None


@pytest.mark.parametrize("port", ["65536", "99999", "", "123456", "-1", "8O", "80:80", "٨"])
def test_a_port_that_cannot_be_is_not(port: str):
    assert why(host=f"localhost:{port}") is Refusal.HOST
    assert why(host="localhost", origin=f"http://localhost:{port}") is Refusal.ORIGIN
