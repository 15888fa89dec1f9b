"""A browser that looks at the console, and whoever watches that it asks nobody else and complains of nothing."""

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from argon2 import PasswordHasher
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, expect, sync_playwright
from playwright.sync_api import Error as PlaywrightError

OPERATOR, VIEWER = ("otto", "otto's long password"), ("anna", "anna's long password")
TOKEN = "a token of the tests"
WAIT_MS = 120_000
"""How long something may take on a busy machine."""
expect.set_options(timeout=WAIT_MS)
_quick = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start the system's Chromium, or Playwright's own; without one skip, on CI fail."""
    with sync_playwright() as playwright:
        own = shutil.which("chromium") or shutil.which("chromium-browser")
        try:
            browser = playwright.chromium.launch(executable_path=own, args=["--no-sandbox"])
        except PlaywrightError as error:
            say = pytest.fail if os.environ.get("CI") else pytest.skip
            say(f"no browser (apt-get install chromium, or playwright install chromium): {error}")
        with browser:
            yield browser


def write_people(file: Path) -> None:
    """Let an operator and a viewer in."""
    roles = {OPERATOR: ["visits:read", "operate"], VIEWER: ["visits:read"]}
    people = {name: {"roles": may, "password": _quick.hash(word)} for (name, word), may in roles.items()}
    file.write_text(json.dumps(people))
    file.chmod(0o600)


class Visitor:
    """Somebody with a browser: *complaints* is what that said, *foreign* whom it asked besides."""

    def __init__(self, browser: Browser, url: str, **options: object) -> None:
        self.url = url.rstrip("/")
        self.complaints: list[str] = []
        self.foreign: list[str] = []
        self.expected: tuple[str, ...] = ()
        """What may be in complaints: a test breaks something."""
        self._context: BrowserContext = browser.new_context(**{"viewport": {"width": 1200, "height": 900}, **options})
        self._context.set_default_timeout(WAIT_MS)
        self.page: Page = self._context.new_page()
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", self._request)

    def open(self, path: str) -> Page:
        """Open the page at *path*."""
        self.page.goto(f"{self.url}{path}")
        return self.page

    def log_in(self, who: tuple[str, str], path: str = "/") -> Page:
        """Open *path*, and log in on the way as *who*."""
        self.open(path)
        self.page.fill("#name", who[0])
        self.page.fill("#password", who[1])
        self.page.click("main button")
        self.page.wait_for_url(lambda url: "/login" not in url)
        return self.page

    def close(self) -> None:
        """Close the browser's window, and hold it to what it may say and ask."""
        self._context.close()
        assert [said for said in self.complaints if not any(part in said for part in self.expected)] == []
        assert self.foreign == []

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.complaints.append(message.text)

    def _request(self, request: Request) -> None:
        if urlsplit(request.url).netloc != urlsplit(self.url).netloc:
            self.foreign.append(request.url)
