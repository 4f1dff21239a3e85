"""What the pages of all systems have in common: seen on a phone, in the dark, by keyboard, and by axe."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from browsing import Browsing, Seen, browsing
from every_page import PAGES, pages_of

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """All pages."""
    return pages_of(tmp_path_factory.mktemp("pages"))


@pytest.fixture(scope="module")
def browser() -> Iterator[Browsing]:
    """One Chromium for all pages."""
    with browsing() as found:
        yield found


def faults(seen: Seen) -> list[str]:
    """What axe finds wrong with a page, by the rules of WCAG 2 A and AA and good practice."""
    answer = Axe().run(seen.page)
    return [
        f"{one['id']} ({one['impact']}): {[node['html'][:150] for node in one['nodes'][:3]]}"
        for one in answer.response["violations"]
    ]


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_nothing_wrong(pages: dict[str, Path], browser: Browsing, name: str, dark: bool):
    # Axe is put into the page by the test, which the page's own policy would not let run.
    with browser.opened(pages[name], dark=dark, bypass_csp=True) as seen:
        seen.draw_all()
        assert faults(seen) == []


@pytest.mark.parametrize("name", PAGES)
def test_a_phone_shows_the_whole_width(pages: dict[str, Path], browser: Browsing, name: str):
    with browser.opened(pages[name], phone=True) as seen:
        seen.draw_all()
        assert seen.overhang_px <= 0


@pytest.mark.parametrize("name", PAGES)
def test_every_view_and_control_is_reached_by_keyboard(pages: dict[str, Path], browser: Browsing, name: str):
    with browser.opened(pages[name]) as seen:
        seen.draw_all()
        # A view of words has nothing to operate but its links.
        views = "[...document.querySelectorAll('figure.view:not([data-view=item])')]"
        operated = "one => one.querySelector('[tabindex=\"0\"], button, select, input')"
        assert seen.page.evaluate(f"{views}.every({operated})")
        # All that can be clicked is a control of the browser's, or can be focused.
        mouse_only = "[...document.querySelectorAll('[data-group]')].filter(one => one.tabIndex < 0).length"
        assert seen.page.evaluate(mouse_only) == 0


@pytest.mark.parametrize("name", PAGES)
def test_a_page_says_what_it_shows_and_explains_its_words(pages: dict[str, Path], name: str):
    source = pages[name].read_text(encoding="utf-8")
    assert 'class="lead"' in source
    assert "Words used on this page" in source
