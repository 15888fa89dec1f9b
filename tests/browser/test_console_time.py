"""Another time and other rules, in a real browser on the real system."""

import re

import pytest
from console_page import OPERATOR
from playwright.sync_api import expect


@pytest.fixture
def missed(town) -> int:
    """Return the position at which the exit of ML77 was summarised without its entry, which came later."""
    lines = [line for line in town.pipeline.lines() if line["vehicle_plate"] == "ML77"]
    (position,) = [line["position"] for line in lines if line["outcome"] == "entry_missed"]
    assert "completed" in [line["outcome"] for line in lines]
    return position


def test_what_was_known_then_is_shown_as_not_now_and_there_is_a_way_back(page, town, missed):
    entered = page.inner_text("#entered")
    page.click("nav >> text=Another time")
    page.fill("#when", str(missed))
    page.fill("#plate", "ml77")
    page.click("main button.act")
    expect(page.locator("#visits tbody tr")).to_have_count(1)
    expect(page.locator("#visits")).to_contain_text("entry missed")
    expect(page.locator(".not-now")).to_contain_text(f"This is not now: what was known at position {missed}")
    assert "not now" in page.title()
    end = town.pipeline.state()["checkpoint"]
    page.goto(f"{town.url}/time?position={end}&plate=ML77")
    expect(page.locator("#visits")).to_contain_text("completed")
    expect(page.locator("#then-entered")).to_have_text(entered)
    page.click("#back")
    expect(page.locator("#entered")).to_have_text(entered)
    expect(page.locator(".not-now")).to_have_count(0)


def test_a_slider_asks_when_it_is_let_go_and_the_url_says_where_it_is(page, town):
    page.goto(f"{town.url}/time")
    page.focus("#slider")
    page.keyboard.press("Home")
    expect(page.locator("#slider-shown")).to_have_text("1")
    page.wait_for_url(re.compile("position=1"))
    expect(page.locator("#then-entered")).to_have_text("0")
    expect(page.locator("#slider")).to_be_focused()


def test_it_works_without_javascript(visitor, missed):
    page = visitor(java_script_enabled=False).log_in(OPERATOR, f"/time?position={missed}")
    expect(page.locator("#inside-then tbody tr")).not_to_have_count(0)
    page.check("input[value=event]")
    page.fill("#when", "-1s")
    page.click("main button.act")
    expect(page.locator("#inside-then")).to_contain_text("AB1")
    assert re.search(r"event=20\d\d-", page.url)
    page.fill("#find", "b1")
    page.click("text=Filter")
    expect(page.locator("#inside-then tbody tr")).to_have_count(1)


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("position=0", "The log has no position '0': give one from 1 to"),
        ("recorded=soon", "'soon' is no time: write"),
        ("event=2999-01-01", "is yet to come"),
        ("position=1&recorded=-1m", "Ask for one of position, recorded, event"),
        ("position=1&plate=%3F", "a plate has"),
    ],
)
def test_a_question_that_cannot_be_asked_is_refused_with_what_can(visitor, query, told):
    person = visitor()
    person.expected = ("400",)
    page = person.log_in(OPERATOR, f"/time?{query}")
    expect(page.get_by_role("alert").locator("visible=true")).to_contain_text(told)


def test_other_rules_make_other_visits_of_one_plate(visitor):
    person = visitor()
    person.expected = ("400",)
    page = person.log_in(OPERATOR, "/time/what-if?plate=BK1234")
    page.click("button.act")
    expect(page.get_by_role("alert").locator("visible=true")).to_contain_text("Change at least one of the rules")
    page.fill("#MAX_STAY_SECONDS", "60")
    page.click("button.act")
    expect(page.locator("#differences")).to_contain_text("completed")
    expect(page.locator("#differences")).to_contain_text("entry missed")
    expect(page.locator(".not-now")).to_contain_text("not what happened")
