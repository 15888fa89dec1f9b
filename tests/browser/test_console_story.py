"""A car is found by whatever there is of it, and its story is told, in a real browser on the real system."""

import re
from urllib.parse import urljoin

import pytest
from command_line import CommandLine
from console_page import OPERATOR, VIEWER
from kept_spans import alone, kept
from playwright.sync_api import expect

ENTRY_TRACE, EXIT_TRACE = f"{1:032x}", f"{2:032x}"
"""Of BK1234, the first car of the small mall."""


@pytest.fixture(scope="module")
def told(town):
    """What the command line says of a car, by its plate."""
    return lambda plate: CommandLine(town.pipeline.environ)("visit", plate, "--json").object


def search(page, text):
    page.goto(urljoin(page.url, "/find"))
    page.fill("#q", text)
    page.keyboard.press("Enter")
    page.wait_for_url(lambda url: "/find" not in url)
    return page


def test_a_visit_is_found_by_each_kind_of_key(page, told):
    (visit,) = told("BK1234")["visits"]
    leaves = visit["sightings"][-1]
    for key in ("out-1", "in-1", visit["visit_id"], "exit:out-1", str(leaves["position"]), EXIT_TRACE, ENTRY_TRACE):
        search(page, key)
        expect(page.locator("h1")).to_have_text("BK1234, completed")
        expect(page.locator(f"#record-{leaves['position']}")).to_contain_text("out-1")
    search(page, "bk 12-34")
    assert page.url.endswith("/plates/BK1234")
    page.click(f"text={visit['visit_id']}")
    expect(page.locator("h1")).to_have_text("BK1234, completed")


def test_a_search_works_without_script(visitor):
    page = visitor(java_script_enabled=False).log_in(OPERATOR)
    search(page, "out-1")
    expect(page.locator("h1")).to_have_text("BK1234, completed")


def test_where_nothing_is_found_the_page_says_where_was_looked(page):
    page.fill("#q", "nobody's")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("Nothing found")
    expect(page.get_by_text("of the log, one by one")).to_be_visible()
    expect(page.get_by_text("It was taken for the plate NOBODYS")).to_be_visible()
    expect(page.locator("#q")).to_have_value("nobody's")


def test_a_corrected_visit_says_what_the_command_line_says(page, told):
    search(page, "exit:out-3")
    expect(page.locator("h1")).to_have_text("ML77, completed")
    (visit,) = told("ML77")["visits"]
    assert [one["outcome"] for one in visit["revisions"]] == ["entry_missed", "completed"]
    content = page.locator("main")
    for one in [*visit["revisions"], *visit["sightings"]]:
        expect(content.get_by_text(one["why"])).to_be_visible()
    picture = page.locator("svg.lanes")
    expect(picture.locator(".flag")).to_have_count(2)
    expect(picture.locator("circle")).to_have_count(2)
    expect(picture).to_have_attribute("aria-label", re.compile("2 sightings, 0 of them duplicates, and 2 revisions"))


def test_a_duplicate_read_is_marked(page):
    search(page, "exit:out-2")
    expect(page.locator("svg.lanes .duplicate")).to_have_count(1)
    expect(page.get_by_text("a duplicate read of the entry")).to_be_visible()


def test_a_car_that_is_inside_says_what_it_waits_for(page):
    search(page, "entry:in-5")
    expect(page.locator("#waits")).to_contain_text("Waits: pending since record")


def test_a_visit_that_nobody_knows_leads_to_the_search(visitor):
    person = visitor()
    person.expected = ("404",)
    page = person.log_in(OPERATOR, "/visits/exit:nobody@1")
    page.click("text=Search the log for it")
    expect(page.locator("h1")).to_have_text("Nothing found")


@pytest.fixture(scope="module")
def other(town, tmp_path_factory):
    """A console of this mall that masks plates, has kept spans, and knows where SigNoz is."""
    spans = kept(tmp_path_factory.mktemp("kept") / "spans.jsonl", *alone(ENTRY_TRACE, 9.0), *alone(EXIT_TRACE, 20.0))
    more = {"MASK_PLATES": "true", "TRACES_FILE": str(spans), "SIGNOZ_URL": "http://localhost:8080"}
    environ = town.environ | {f"PARKSTREAM_{name}": value for name, value in more.items()}
    return town.run("parkstream_console", environ).url


def test_a_waterfall_shows_both_traces_and_the_table_says_the_same(visitor, other):
    page = visitor(other).log_in(OPERATOR, "/find?q=out-1")
    picture = page.locator("svg.waterfall")
    expect(picture).to_be_visible()
    assert picture.locator("rect").count() == len(alone(ENTRY_TRACE, 9.0)) + len(alone(EXIT_TRACE, 20.0))
    page.click("summary")
    expect(page.get_by_role("row", name=re.compile("publish vehicle.exited"))).to_have_count(2)
    links = [link.get_attribute("href") for link in page.get_by_role("link", name="In SigNoz").all()]
    assert links == [f"http://localhost:8080/trace/{EXIT_TRACE}", f"http://localhost:8080/trace/{ENTRY_TRACE}"]


def test_who_may_only_look_sees_no_plate_and_reaches_every_story(visitor, other):
    page = visitor(other).log_in(VIEWER, "/find?q=out-1")
    expect(page.locator("h1")).to_have_text("••••34, completed")
    page.click("dd a")
    expect(page.locator("h1")).to_have_text("••••34")
    assert "/plates/hidden:" in page.url
    page.click("tbody a")
    expect(page.locator("h1")).to_have_text("••••34, completed")
    assert "BK1234" not in page.content() + page.url + page.title()
