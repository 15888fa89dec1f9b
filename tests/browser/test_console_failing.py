"""While the console starts again, Redis is away, a projection is switched: a clear page, and never a wrong number."""

import re
import time
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from urllib.parse import urlsplit

import pytest
from command_line import CommandLine
from console_page import OPERATOR, WAIT_MS
from parkstream_devtools import free_port
from parkstream_devtools.faults import Cut, Proxy
from playwright.sync_api import expect

PAGES = ("/find?q=out-1", "/plates/DU11", "/time?position=8&plate=DU11", "/todo", "/running")


@pytest.fixture(scope="module")
def behind(town):
    """A console that reaches Redis through a network, which may be cut."""
    with Proxy(urlsplit(town.environ["PARKSTREAM_REDIS_URL"]).port) as proxy:
        environ = {**town.environ, "PARKSTREAM_REDIS_URL": f"redis://127.0.0.1:{proxy.port}"}
        console = town.run("parkstream_console", environ)
        yield SimpleNamespace(url=console.url, cut=Cut(proxy))
        console.terminate()


def until_it_answers(page, url, status=200):
    """Load *url* until it answers with *status*: a look is one for all viewers for a second."""
    deadline = time.monotonic() + WAIT_MS / 1000
    while page.goto(url).status != status:
        assert time.monotonic() < deadline, page.inner_text("main")


def test_where_redis_is_away_each_page_says_so_and_shows_no_number(visitor, behind):
    person = visitor(behind.url)
    person.expected = ("503",)
    page = person.log_in(OPERATOR)
    for path in PAGES:
        until_it_answers(page, f"{behind.url}{path}")
    behind.cut.inject()
    try:
        for path in PAGES:
            until_it_answers(page, f"{behind.url}{path}", 503)
            expect(page.locator("h1")).to_have_text("Not now")
            expect(page.locator("main")).to_contain_text("Redis does not answer")
            assert page.locator("main dd, main td").count() == 0
        page.goto(behind.url)
        expect(page.get_by_role("alert").first).to_contain_text(
            re.compile("Redis does not answer.*as of the last answer")
        )
    finally:
        behind.cut.heal()
    for path in PAGES:
        until_it_answers(page, f"{behind.url}{path}")


def test_a_console_that_was_killed_answers_as_before_and_a_page_that_waits_for_it_says_so(visitor, town, tmp_path):
    port, environ = free_port(), {**town.environ, "PARKSTREAM_SNAPSHOT_DIR": str(tmp_path)}
    console = town.run("parkstream_console", environ, port=port)
    person = visitor(console.url)
    person.expected = ("ERR_", "Failed to load", "htmx:")
    page = person.log_in(OPERATOR)
    before = {path: shown(page, f"{console.url}{path}") for path in PAGES}
    page.goto(f"{console.url}/time?position=8")
    console.kill()
    page.focus("#slider")
    page.keyboard.press("Home")
    expect(page.locator("#lost")).to_be_visible()
    expect(page.locator(".not-now")).to_contain_text("position 8")
    town.run("parkstream_console", environ, port=port)
    page.keyboard.press("ArrowRight")
    expect(page.locator(".not-now")).to_contain_text("position 2")
    expect(page.locator("#lost")).to_be_hidden()
    assert {path: shown(page, f"{console.url}{path}") for path in PAGES} == before


def shown(page, url):
    """Return what *url* shows that must be the same each time: its title, and what it has of figures and visits."""
    page.goto(url)
    page.locator("#cancel").wait_for(state="detached")
    return page.title(), page.locator("main dl").all_inner_texts(), page.locator("main tbody th").all_inner_texts()


def test_while_a_projection_is_switched_no_page_shows_another_number(page, town):
    tool = CommandLine(town.pipeline.environ)
    assert tool("replay", "--json").object["hash_equal"]
    before = town.pipeline.state()["counters"]

    def switch():
        tool("replay", "--version", "2", "--switch", "--json")
        tool("replay", "--rollback", "--json")

    with ThreadPoolExecutor(1) as beside:
        switching = beside.submit(switch)
        while not switching.done():
            check(page, town, before)
        switching.result()
    check(page, town, before)


def check(page, town, before):
    """Look at each page while anything may happen."""
    text = loaded(page, f"{town.url}/")
    if text is not None:
        assert re.search(r'id="entered">([\d,]+)<', text)[1] == str(before["entered"])
        assert re.search(r'id="inside">([\d,]+)\s', text)[1] == str(before["inside"])
    text = loaded(page, f"{town.url}/running")
    if text is not None:
        assert text.count("<td>live</td>") == 1
    text = loaded(page, f"{town.url}/todo")
    if text is not None:
        assert "were delivered" in text


def loaded(page, url):
    """Return what *url* shows; None when it says that nothing is known now."""
    answer = page.context.request.get(url)
    if answer.status == 503:
        assert "Not now" in answer.text()
        return None
    assert answer.status == 200
    return answer.text()
