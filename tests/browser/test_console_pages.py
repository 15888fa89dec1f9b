"""Every page: for whoever cannot see or has no mouse, on a phone, in the dark, without script, and small."""

import gzip
import os
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from console_page import OPERATOR, VIEWER

PAGES = {
    "now": "/",
    "find": "/find",
    "story": "/find?q=exit:out-3",
    "plate": "/plates/DU11",
    "time": "/time?position=8&plate=DU11",
    "what-if": "/time/what-if?plate=DU11&MAX_STAY_SECONDS=60",
    "todo": "/todo",
    "running": "/running",
}
SERIOUS = {"serious", "critical"}
BYTES_MAX = 60 * 1024
SHOTS = Path(__file__).resolve().parents[2] / "docs" / "console"
every_page = pytest.mark.parametrize("path", PAGES.values(), ids=list(PAGES))


def serious(page) -> list[str]:
    """What axe-core finds that keeps people out."""
    found = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
    return [f"{one['id']}: {one['nodes'][0]['html']}" for one in found if one["impact"] in SERIOUS]


def opened(person, path):
    """Log in on the way to *path*, and wait until it has all that it asks for."""
    page = person.log_in(OPERATOR, path)
    page.locator("#cancel").wait_for(state="detached")
    return page


@every_page
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_keeps_people_out(visitor, path, scheme):
    person = visitor(color_scheme=scheme, bypass_csp=True)
    page = opened(person, path)
    assert serious(page) == []
    assert page.locator("h1").count() == 1


def test_nothing_keeps_people_out_of_the_login(visitor):
    assert serious(visitor(bypass_csp=True).open("/login")) == []


@every_page
def test_it_fits_on_a_phone(visitor, path):
    person = visitor(viewport={"width": 375, "height": 700})
    page = opened(person, path)
    assert page.evaluate("document.documentElement.scrollWidth") <= 375


@every_page
def test_it_says_the_same_without_script(visitor, path):
    person = visitor(java_script_enabled=False)
    page = opened(person, path)
    assert page.locator("h1").count() == 1
    assert page.locator("main").inner_text()


@every_page
def test_a_page_with_all_that_it_needs_is_small(visitor, path):
    person = visitor()
    page = person.log_in(OPERATOR, path)
    needed = page.evaluate("[location.href, ...performance.getEntriesByType('resource').map((one) => one.name)]")
    bodies = [page.context.request.get(url).body() for url in set(needed) if "/live/" not in url]
    assert sum(len(gzip.compress(body)) for body in bodies) <= BYTES_MAX


@every_page
def test_the_picture_in_the_documentation_is_of_this_page(visitor, path):
    page = opened(visitor(), path)
    shot = page.screenshot(full_page=True)
    name = next(name for name, one in PAGES.items() if one == path)
    if os.environ.get("PARKSTREAM_WRITE_PAGES") == "yes":
        (SHOTS / f"{name}.png").write_bytes(shot)
    assert (SHOTS / f"{name}.png").exists()


def test_somebody_who_may_only_look_is_refused_what_changes_something(visitor):
    page = visitor().log_in(VIEWER)
    assert page.locator("form[method=post]:not([action='/logout'])").count() == 0
