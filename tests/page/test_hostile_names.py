"""Whatever files are called, their names are text on the pages of all systems, and run nothing there."""

import re
from collections.abc import Iterator
from html import escape
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote_to_bytes

import pytest
from browsing import Browsing, browsing
from every_page import NAMES, PAGES, pages_of

BESIDE = r"[\w.~%/-]+"
"""An address of a file beside a page: no scheme, no host."""


class Page(HTMLParser):
    """What a browser sees before any script ran: elements with their attributes."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.source = page.read_text(encoding="utf-8")
        self.feed(self.source)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """All pages."""
    return pages_of(tmp_path_factory.mktemp("hostile"))


@pytest.fixture(scope="module")
def browser() -> Iterator[Browsing]:
    """One Chromium for all pages."""
    with browsing() as found:
        yield found


@pytest.mark.parametrize("name", PAGES)
def test_names_make_no_element_no_attribute_and_no_script(pages: dict[str, Path], name: str):
    page = Page(pages[name])
    scripts = [attributes for tag, attributes in page.elements if tag == "script"]
    assert [one for one in scripts if one.get("type") != "application/json"] == [{}]
    for tag, attributes in page.elements:
        assert not [key for key in attributes if key.startswith("on")], tag
        assert tag not in ("iframe", "embed", "object", "base", "link", "form")
        if tag == "img":
            assert (attributes["src"] or "").startswith("data:image/")
    policies = [a["content"] for _, a in page.elements if a.get("http-equiv") == "Content-Security-Policy"]
    assert len(policies) == 1
    assert "default-src 'none'" in (policies[0] or "")


@pytest.mark.parametrize("name", PAGES)
def test_links_lead_to_files_beside_the_page(pages: dict[str, Path], name: str):
    page = Page(pages[name])
    links = [attributes["href"] or "" for tag, attributes in page.elements if tag == "a"]
    assert links or name == "drift"
    marks = {attributes.get("id") for _, attributes in page.elements}
    for link in links:
        if link.startswith("#"):
            assert link[1:] in marks
        else:
            assert re.fullmatch(BESIDE, link, re.ASCII)
            file = unquote_to_bytes(link).decode(errors="surrogateescape")
            assert (pages[name].parent / file).is_file(), link


def test_every_name_is_shown_as_it_is(pages: dict[str, Path]):
    source = pages["geometry"].read_text(encoding="utf-8")
    for name in NAMES:
        assert escape(name.replace("\udcff", "\ufffd").replace("\udcfe", "\ufffd")) in source


ATTRIBUTES = """[...document.querySelectorAll('*')].flatMap(one => [...one.attributes]
  .filter(({name}) => /^(on|href|xlink:href|src|action)/.test(name)).map(({name, value}) => [name, value]))"""


@pytest.mark.slow
@pytest.mark.parametrize("name", PAGES)
def test_a_browser_runs_the_page_and_nothing_else(pages: dict[str, Path], browser: Browsing, name: str):
    with browser.opened(pages[name]) as seen:
        seen.wait_until("document.querySelector('.theme')")
        seen.draw_all()
        assert seen.page.evaluate("typeof pwned") == "undefined"
        assert seen.page.locator("[data-drawn=failed]").count() == 0
        assert seen.complaints == []
        assert seen.outside == []
        for attribute, value in seen.page.evaluate(ATTRIBUTES):
            assert not attribute.startswith("on"), value
            assert re.fullmatch(rf"#.*|data:image/.*|{BESIDE}", value, re.ASCII), (attribute, value)
