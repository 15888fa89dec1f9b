"""The read API of a console that runs: what is answered of a mall, what is no question, and who is answered."""

import asyncio
import base64
import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import pytest
from console_page import OPERATOR, TOKEN, VIEWER, write_people
from console_service import Session, start_console
from litestar.middleware.session.client_side import AAD
from parkstream_events.sightings import microseconds
from parkstream_visits.plate_visits import ENTRY, EXIT
from projections import HOUR, SECOND, Mall, now_us, project, sighting
from summary_client import Client

PROBLEM = "application/problem+json"
READS = ("/v1/state", "/v1/inside", "/v1/visits/AB1", "/v1/parked")


class Town(NamedTuple):
    """A mall of five cars, of which one has left and its summary was refused, and its console."""

    client: Client
    begin_us: int

    def ask(self, path: str, **query: Any) -> Any:
        answer = self.client.ask(path, **query)
        assert answer.status == 200, answer
        return answer.json

    def problem(self, path: str) -> dict[str, Any]:
        answer = self.client.ask(path)
        assert answer.headers["content-type"] == PROBLEM
        assert answer.json["status"] == answer.status
        return dict(answer.json)


async def lived(url: str, mall: str) -> int:
    """Let the cars of *mall* pass; return when the first came."""
    shop, begin = Mall(url, mall), now_us() - HOUR
    cars = [sighting(ENTRY, f"e{number}", f"AB{number}", begin + number * SECOND) for number in range(5)]
    await shop.log.append([*cars, sighting(EXIT, "x0", "ab-0", begin + 300 * SECOND)])
    await project(shop.projector())
    (entry,) = await shop.outbox.take("test", 10, 1_000)
    assert await shop.outbox.park(entry, "conflict: another one is there")
    await shop.close()
    return begin


@pytest.fixture(scope="module")
def town(sandbox, shared_redis) -> Iterator[Town]:
    begin_us = asyncio.run(lived(shared_redis.url, "read-api"))
    process = start_console(sandbox.service, shared_redis.url, "read-api")
    process.wait_ready()
    yield Town(Client(process.port), begin_us)
    process.kill()


@pytest.fixture(scope="module")
def guarded(sandbox, shared_redis, tmp_path_factory) -> Iterator[str]:
    """The same, for people and programs that show who they are; who may only look sees masked plates."""
    folder = tmp_path_factory.mktemp("people")
    write_people(folder / "people.json")
    people = {"PARKSTREAM_PEOPLE_FILE": str(folder / "people.json"), "PARKSTREAM_API_TOKEN": TOKEN}
    process = start_console(sandbox.service, shared_redis.url, "read-api", PARKSTREAM_MASK_PLATES="true", **people)
    process.wait_ready()
    yield process.url
    process.kill()


def test_where_everything_stands(town: Town):
    state = town.ask("/v1/state")
    assert (state["position"], state["checkpoint"], state["lag"]) == (6, 6, 0)
    assert (state["inside"], state["pending"], state["unreadable"]) == (4, 0, 0)
    assert (state["outbox_depth"], state["parked"]) == (0, 1)
    assert (state["counters"]["entered"], state["counters"]["completed"]) == (5, 1)
    assert {gate["direction"] for gate in state["gates"]} == {"entry", "exit"}


def test_who_is_inside_comes_in_pages(town: Town):
    plates, cursor = [], "0"
    while cursor is not None:
        page = town.ask("/v1/inside", count=3, cursor=cursor)
        assert len(page["items"]) <= 3
        plates += [car["vehicle_plate"] for car in page["items"]]
        cursor = page["cursor"]
    assert plates == ["AB1", "AB2", "AB3", "AB4"]


def test_what_a_plate_did_however_it_is_written(town: Town):
    answer = town.ask("/v1/visits/ab%200")
    (visit,) = answer["visits"]
    assert answer["vehicle_plate"] == "AB0"
    assert (visit["outcome"], visit["entry_event_id"], visit["exit_event_id"]) == ("completed", "e0", "x0")
    assert microseconds(datetime.fromisoformat(visit["entry_date_time"])) == town.begin_us


def test_what_was_refused_and_why(town: Town):
    (parked,) = town.ask("/v1/parked")["items"]
    assert (parked["item"]["vehicle_plate"], parked["revision"]) == ("AB0", 1)
    assert parked["visit_id"] == parked["item"]["visit_id"]
    assert parked["problem"] == "conflict: another one is there"


def test_wrong_questions_are_problems(town: Town):
    assert town.problem("/v1/visits/NONE")["status"] == 404
    assert town.problem("/v1/visits/%23%23")["status"] == 400
    for wrong in ("count=0", "count=x", "cursor=x", "cursor=1.2.3", "cursor=0%0A", f"cursor={'9' * 40}"):
        assert town.problem(f"/v1/inside?{wrong}")["status"] == 400
    assert town.problem("/v1/parked?cursor=1.5")["errors"][0]["field"] == "cursor"
    assert town.problem("/v1/nothing")["status"] == 404


def test_who_has_logged_in_and_sees_whole_plates_is_answered_as_programs_are(guarded: str):
    operator, viewer, nobody = Session(guarded).log_in(OPERATOR), Session(guarded).log_in(VIEWER), Session(guarded)
    for path in READS:
        assert operator.ask(path)[0] == nobody.ask(path, Authorization=f"Bearer {TOKEN}")[0] == 200
        for session, status, why in ((nobody, 401, "Authorization"), (viewer, 403, "masked")):
            code, body = session.ask(path)
            assert (code, why in json.loads(body)["detail"]) == (status, True)
        assert operator.ask(path, Authorization="Bearer of nothing at all")[0] == 401


FOREIGN = {
    "no base64": "%%%",
    "too short": base64.b64encode(b"short" + AAD + b'{"expires_at":9999999999}').decode(),
    "no JSON": base64.b64encode(b"nonsense....nonsense" + AAD + b"x").decode(),
    "no time": base64.b64encode(b"nonsense....nonsense" + AAD + b"[1]").decode(),
    "no number": base64.b64encode(b"nonsense....nonsense" + AAD + b'{"expires_at":"x"}').decode(),
    "nothing of it": base64.b64encode(b"nonsense....nonsense" + AAD + b"{}").decode(),
    "deep": base64.b64encode(b"nonsense....nonsense" + AAD + b"[" * 3_000).decode(),
    "another key": base64.b64encode(b"nonsense....nonsense" + AAD + b'{"expires_at":9999999999}').decode(),
    "expired": base64.b64encode(b"nonsense....nonsense" + AAD + b'{"expires_at":1}').decode(),
}
"""What another program on the host, or the console of another day, may have set."""


@pytest.mark.parametrize("cookie", FOREIGN.values(), ids=FOREIGN)
def test_a_cookie_that_is_no_session_is_nobodys(guarded: str, cookie: str):
    def answer(path: str, status: int, **headers: str) -> bytes:
        client.headers = {"Cookie": f"parkstream_session={cookie}", **headers}
        found = client.ask(path)
        assert (found.status, "parkstream_session=null" in found.headers["set-cookie"]) == (status, True), found
        return found.content

    client = Client(urlsplit(guarded).port)
    assert "Authorization" in json.loads(answer("/v1/state", 401))["detail"]
    answer("/v1/state", 200, Authorization=f"Bearer {TOKEN}")
    answer("/live/now", 401)
    answer("/health/ready", 200)
    answer("/login", 200)
    answer("/", 303)


def test_while_redis_is_away_who_asks_is_told_to_come_back(run_service, redis_server, mall):
    client = Client(start_console(run_service, redis_server.url, mall).port)
    redis_server.kill()
    answer = client.ask("/v1/state")
    assert (answer.status, answer.headers["content-type"], answer.headers["retry-after"]) == (503, PROBLEM, "1")
