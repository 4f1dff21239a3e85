"""Pages in a real Chromium without windows, driven by Playwright; what they complain about is kept."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

SECONDS = 60.0
"""Patience with a page, on a busy machine."""
FLAGS = ("--no-sandbox", "--use-gl=swiftshader", "--enable-unsafe-swiftshader")
"""Drawing in software, as on a machine without a display."""
PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
PHONE = {"width": 390, "height": 844}
DESK = {"width": 1440, "height": 900}


@dataclass
class Seen:
    """A page in the browser, with its complaints and what it asked for outside."""

    page: Any
    """Playwright's page."""
    complaints: list[str] = field(default_factory=list)
    outside: list[str] = field(default_factory=list)

    def wait_until(self, condition: str) -> None:
        """Until a JavaScript expression is true."""
        self.page.wait_for_function(condition, timeout=1000 * SECONDS, polling=50)

    def draw_all(self) -> None:
        """Open each fold and scroll to each view, until all are drawn."""
        self.page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")
        for figure in self.page.query_selector_all("figure.view"):
            figure.scroll_into_view_if_needed()
            self.page.wait_for_function(
                "figure => ['yes', 'failed'].includes(figure.dataset.drawn)",
                arg=figure,
                timeout=1000 * SECONDS,
            )

    @property
    def overhang_px(self) -> int:
        """By how many px the page is wider than its window."""
        return self.page.evaluate("document.documentElement.scrollWidth - innerWidth")


@dataclass
class Browsing:
    """A running browser."""

    browser: Any

    @contextmanager
    def opened(
        self, address: Path | str, *, phone: bool = False, dark: bool = False, **context: Any
    ) -> Iterator[Seen]:
        """A page in a window of its own; a Path is opened as a file. Other arguments are Playwright's."""
        scheme = "dark" if dark else "light"
        window = self.browser.new_context(viewport=PHONE if phone else DESK, color_scheme=scheme, **context)
        seen = Seen(window.new_page())
        url = address.as_uri() if isinstance(address, Path) else address
        home = url.split("/")[2]
        seen.page.on("pageerror", lambda error: seen.complaints.append(f"exception: {error}"))
        seen.page.on("dialog", lambda dialog: (seen.complaints.append(dialog.message), dialog.dismiss()))
        seen.page.on(
            "console", lambda told: seen.complaints.append(told.text) if told.type == "error" else None
        )
        seen.page.on("request", lambda request: _note(seen.outside, request.url, home))
        try:
            seen.page.goto(url, wait_until="load", timeout=1000 * SECONDS)
            yield seen
        finally:
            window.close()


def _note(outside: list[str], url: str, home: str) -> None:
    """Note what is asked of another host than the page's own; files, data and blobs have none."""
    host = url.split("/")[2] if url.startswith(("http:", "https:", "ws:", "wss:", "file:")) else home
    if host != home:
        outside.append(url)


@contextmanager
def launched() -> Iterator[Any]:
    """Playwright's browser on the distribution's Chromium; the test is skipped where either is missing."""
    playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if program is None:
        pytest.skip("no Chromium is installed: pages are not loaded")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program, args=list(FLAGS))
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def browsing() -> Iterator[Browsing]:
    """The same, for pages whose complaints are kept."""
    with launched() as browser:
        yield Browsing(browser)
