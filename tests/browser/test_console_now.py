"""What happens now, and who may see it, in a real browser on the real system."""

import json
import re
from pathlib import Path

from console_page import OPERATOR, TOKEN, VIEWER
from parkstream_devtools import free_port
from playwright.sync_api import expect
from raw_sightings import passes


def test_figures_follow_a_car_that_comes_and_leaves(page, town):
    before = int(page.inner_text("#entered"))
    town.do(passes(town.pipeline, "LIVE1"))
    expect(page.locator("#entered")).to_have_text(str(before + 1))
    expect(page.get_by_role("row", name=re.compile("LIVE1 completed"))).to_be_visible()


def test_nobody_sees_a_page_without_logging_in(visitor):
    person = visitor()
    for path in ("/", "/?times=utc"):
        assert "/login" in person.open(path).url


def test_a_wrong_password_is_refused_and_too_many_are_not_even_asked(visitor):
    person = visitor()
    person.expected = ("401", "429")
    page = person.open("/login")
    for _ in range(6):
        page.fill("#name", "nobody")
        page.fill("#password", "no password of anybody")
        page.click("main button")
    expect(page.get_by_role("alert").first).to_contain_text("Too many wrong attempts")


def test_a_form_that_none_of_our_pages_made_changes_nothing(page, town):
    answer = page.context.request.post(f"{town.url}/logout", form={"_csrf_token": "made up"})
    assert answer.status == 403
    page.reload()
    assert "/login" not in page.url


def test_who_logs_out_has_no_session_any_more(visitor):
    person = visitor()
    page = person.log_in(VIEWER)
    page.click("text=Log out")
    assert "/login" in person.open("/").url


def test_paused_figures_stand_still_until_they_go_on(page, town):
    page.click("text=Pause")
    before = page.inner_text("#entered")
    town.do(passes(town.pipeline, "PAUSE1"))
    town.do(town.pipeline.until(lambda: int(before) < town.pipeline.state()["counters"]["entered"]))
    assert page.inner_text("#entered") == before
    page.click("text=Go on")
    expect(page.locator("#entered")).not_to_have_text(before)


def test_two_browsers_see_the_same(visitor):
    first, second = visitor().log_in(OPERATOR), visitor().log_in(VIEWER)
    expect(second.locator("#entered")).to_have_text(first.inner_text("#entered"))


def test_times_are_written_as_the_reader_chooses_and_the_choice_is_in_the_url(page):
    page.click(".times >> text=UTC")
    assert "times=utc" in page.url
    expect(page.locator(".times [aria-current]")).to_have_text("UTC")
    page.goto(page.url.partition("?")[0])
    expect(page.locator(".times [aria-current]")).to_have_text("UTC")


def test_it_works_by_keyboard(page):
    page.keyboard.press("Tab")
    expect(page.locator(":focus")).to_have_text("Skip to the content")
    page.keyboard.press("Enter")
    assert page.url.endswith("#content")


def test_who_may_look_no_more_sees_nothing_more(visitor, town):
    people = Path(town.environ["PARKSTREAM_PEOPLE_FILE"])
    before = people.read_text()
    person = visitor()
    person.expected = ("401", "Failed to load")
    page = person.log_in(VIEWER)
    people.write_text(json.dumps({name: one for name, one in json.loads(before).items() if name != VIEWER[0]}))
    try:
        page.wait_for_url(lambda url: "/login" in url)
    finally:
        people.write_text(before)


def test_a_tab_that_nobody_sees_follows_nothing_until_it_is_seen(page, visitor, town):
    before = page.inner_text("#entered")
    show(page, hidden=True)
    comes(visitor, town, "HIDDEN1", before)
    assert page.inner_text("#entered") == before
    expect(page.locator("#lost")).to_be_hidden()
    show(page, hidden=False)
    expect(page.locator("#entered")).not_to_have_text(before)


def test_a_paused_page_stays_paused_when_it_is_seen_again(page, visitor, town):
    page.click("text=Pause")
    before = page.inner_text("#entered")
    show(page, hidden=True)
    show(page, hidden=False)
    comes(visitor, town, "PAUSE2", before)
    assert page.inner_text("#entered") == before


def comes(visitor, town, plate, before):
    """Let a car come, and somebody else see that."""
    other = visitor().log_in(OPERATOR)
    town.do(passes(town.pipeline, plate))
    expect(other.locator("#entered")).not_to_have_text(before)


def show(page, *, hidden):
    """Let the page believe that its tab is hidden, or seen."""
    page.evaluate(
        "hidden => { Object.defineProperty(document, 'hidden', { value: hidden, configurable: true });"
        " document.dispatchEvent(new Event('visibilitychange')); }",
        hidden,
    )


def test_after_a_restart_without_a_session_key_people_log_in_again(visitor, town):
    port = free_port()
    environ = {name: value for name, value in town.environ.items() if name != "PARKSTREAM_SESSION_KEY"}
    console = town.run("parkstream_console", environ, port=port)
    person = visitor(console.url)
    person.expected = ("ERR_", "Failed to load", "401")
    person.log_in(OPERATOR)
    console.kill()
    town.run("parkstream_console", environ, port=port)
    assert person.log_in(OPERATOR).url.endswith("/")


def test_a_cookie_of_another_program_locks_nobody_out(visitor, town):
    person = visitor()
    odd = {"name": "parkstream_session", "value": "bm9uc2Vuc2UuLi4ubm9uc2Vuc2VhZGRpdGlvbmFsIGRhdGF4", "url": town.url}
    person.page.context.add_cookies([odd, {"name": "csrftoken", "value": "of another program", "url": town.url}])
    assert person.log_in(OPERATOR).locator("#entered").count() == 1


def test_every_answer_has_the_headers_that_keep_a_browser_in(page, town):
    for path in ("/", "/login", "/nowhere", "/assets/icon.svg", "/health/live", "/v1/state", "/logout"):
        answer = page.context.request.get(f"{town.url}{path}", max_redirects=0)
        assert "default-src 'self'" in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_program_needs_a_token_and_may_change_nothing(visitor, town):
    request = visitor().page.context.request
    assert request.get(f"{town.url}/v1/state").status == 401
    assert request.get(f"{town.url}/v1/state", headers={"Authorization": f"Bearer {TOKEN}"}).ok
    assert request.post(f"{town.url}/v1/parked/redrive", headers={"Authorization": f"Bearer {TOKEN}"}).status == 404


def test_a_console_that_restarts_is_noticed_and_the_page_catches_up(visitor, town):
    port = free_port()
    console = town.run("parkstream_console", town.environ, port=port)
    person = visitor(console.url)
    person.expected = ("ERR_", "Failed to load")
    page = person.log_in(OPERATOR)
    before = page.inner_text("#entered")
    console.kill()
    expect(page.locator("#lost")).to_be_visible()
    town.do(passes(town.pipeline, "WHILE1"))
    town.run("parkstream_console", town.environ, port=port)
    expect(page.locator("#entered")).not_to_have_text(before)
    expect(page.locator("#lost")).to_be_hidden()
