"""The frame of a page: what it says, what it runs, and how it behaves in a browser."""

import base64
import re
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from browsing import Browsing, browsing

from argand.page.document import SCRIPT, Document, script_of, write_document
from argand.page.parts import Column, Row, badge, card, facts, left_out, table, thumbnails, tiles, verdict
from argand.page.view import KINDS, packed, view

HOSTILE = "</script><script>pwned=1</script><img src=x onerror=pwned=1>"
DOT = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJ"
    "RU5ErkJggg=="
)


def document(rows: int = 120) -> Document:
    """A page with each part once, and with hostile text in each."""
    lines = [
        Row([f"image {n}", badge(n % 2 == 0), f"{(37 * n) % 101}.5", "a&b"], group="g", number=n)
        for n in range(rows)
    ]
    parts = [
        tiles([("2 of 3", HOSTILE)]),
        left_out([HOSTILE] * 50),
        table(["image", "verdict", Column("d, Å", number=True), "cell"], lines, caption=HOSTILE),
        card("one", verdict(True, HOSTILE), facts([("centre", "1, 2"), ("none", "")], trusted=False)),
        thumbnails([("#a", DOT, "first"), ("file name.html", DOT, "second")]),
    ]
    words = {HOSTILE: HOSTILE}
    return Document(HOSTILE, "units: px", parts, words, [f"argand x '{HOSTILE}'"], ['<a href="a">a</a>'])


def test_a_page_allows_its_own_script_alone(tmp_path: Path):
    source = write_document(tmp_path / "a.html", document()).read_text(encoding="utf-8")
    (allowed,) = re.findall(r"script-src ([^;]*);", source)
    (script,) = re.findall(r"<script>(.*?)</script>", source, re.DOTALL)
    assert allowed == f"'sha256-{base64.b64encode(sha256(script.encode()).digest()).decode()}'"
    assert "<img src=x" not in source


def test_a_page_takes_in_the_scripts_of_its_views_alone(tmp_path: Path):
    drawn = Document("a", "b", [view("plot", {}, "a plot")])
    with_plot = write_document(tmp_path / "a.html", drawn).read_text(encoding="utf-8")
    without = write_document(tmp_path / "b.html", Document("a", "b", [])).read_text(encoding="utf-8")
    assert "argand.views.plot" in with_plot
    assert "argand.views.plot" not in without
    assert "argand.views.structure" not in with_plot


def test_an_unknown_view_is_refused():
    with pytest.raises(ValueError, match="no kind of view"):
        view("map", {}, "a map")


@pytest.mark.parametrize("kind", ["uint8", "int16", "uint16", "int32", "float32"])
def test_packed_arrays_keep_their_values(kind: str):
    import gzip

    values = np.arange(24, dtype=kind).reshape(2, 3, 4)
    told = packed(values)
    bytes_ = gzip.decompress(base64.b64decode(told["data"]))
    again = np.frombuffer(bytes_, np.dtype(kind).newbyteorder("<")).reshape(told["shape"])
    np.testing.assert_array_equal(again, values)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browsing]:
    """One Chromium for all tests here."""
    with browsing() as found:
        yield found


@pytest.mark.slow
@pytest.mark.parametrize("shared", [False, True])
def test_a_browser_runs_the_page_and_nothing_else(tmp_path: Path, browser: Browsing, shared: bool):
    page = write_document(tmp_path / "index.html", document(), shared=shared)
    assert (tmp_path / SCRIPT).exists() == shared
    with browser.opened(page) as seen:
        seen.wait_until("document.querySelector('.pager')")
        assert seen.page.evaluate("typeof pwned") == "undefined"
        assert seen.page.title() == HOSTILE
        assert seen.complaints == []
        assert seen.outside == []


@pytest.mark.slow
def test_a_script_that_is_none_of_the_pages_does_not_run(tmp_path: Path, browser: Browsing):
    for shared in (False, True):
        page = write_document(tmp_path / "index.html", document(), shared=shared)
        extra = "<script>pwned=1</script><script src='other.js'></script><img src=x onerror=pwned=2>"
        (tmp_path / "other.js").write_text("pwned=3", encoding="utf-8")
        page.write_text(page.read_text(encoding="utf-8").replace("</main>", f"{extra}</main>"), "utf-8")
        with browser.opened(page) as seen:
            seen.wait_until("document.querySelector('.pager')")
            assert seen.page.evaluate("typeof pwned") == "undefined"
            assert sum("Content Security Policy" in one for one in seen.complaints) >= 3


@pytest.mark.slow
def test_tables_sort_turn_pages_filter_and_choose(tmp_path: Path, browser: Browsing):
    with browser.opened(write_document(tmp_path / "index.html", document())) as seen:
        page = seen.page
        page.wait_for_selector(".pager")
        column = "[...document.querySelectorAll('tbody tr')].map(row => parseFloat(row.cells[2].textContent))"
        assert len(page.evaluate(column)) == 50
        page.get_by_role("button", name="d, Å").press("Enter")
        shown = page.evaluate(column)
        assert shown == sorted((37 * n) % 101 + 0.5 for n in range(120))[:50]
        page.get_by_role("button", name="d, Å").press("Enter")
        assert page.evaluate(column)[0] == 100.5
        page.get_by_role("button", name="next").press("Enter")
        assert page.locator(".pager span").inner_text() == "51 to 100 of 120"
        page.get_by_role("searchbox").fill("image 11")
        assert page.locator(".pager span").inner_text() == "1 to 11 of 11"
        page.locator("tbody tr").nth(1).press("Enter")
        page.locator("tbody tr").first.click()
        assert page.locator("tr.chosen").count() == 1


@pytest.mark.slow
@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("phone", [False, True])
def test_text_has_contrast_and_fits_every_window(tmp_path: Path, browser: Browsing, dark: bool, phone: bool):
    with browser.opened(write_document(tmp_path / "index.html", document()), dark=dark, phone=phone) as seen:
        seen.page.wait_for_selector(".pager")
        assert seen.overhang_px <= 0
        assert seen.page.evaluate(CONTRAST) == []


@pytest.mark.slow
def test_the_theme_can_be_changed_by_keyboard(tmp_path: Path, browser: Browsing):
    with browser.opened(write_document(tmp_path / "index.html", document())) as seen:
        ground = "getComputedStyle(document.body).backgroundColor"
        before = seen.page.evaluate(ground)
        seen.page.get_by_role("button", name="dark").press("Enter")
        assert seen.page.evaluate(ground) != before


@pytest.mark.slow
def test_a_printed_page_has_all_rows(tmp_path: Path, browser: Browsing):
    with browser.opened(write_document(tmp_path / "index.html", document())) as seen:
        seen.page.wait_for_selector(".pager")
        seen.page.evaluate("dispatchEvent(new Event('beforeprint'))")
        assert seen.page.locator("tbody tr").count() == 120


@pytest.mark.slow
def test_a_view_that_fails_says_so_and_the_page_lives_on(tmp_path: Path, browser: Browsing):
    page = write_document(tmp_path / "a.html", Document("a", "b", [view("plot", None, "a plot")]))
    with browser.opened(page) as seen:
        seen.draw_all()
        assert "cannot be drawn here" in seen.page.locator(".stage").inner_text()


CONTRAST = """[...document.querySelectorAll('main *')].filter(one => one.checkVisibility()
  && [...one.childNodes].some(child => child.nodeType === 3 && child.textContent.trim())).flatMap(one => {
  const parse = told => (told.match(/[\\d.]+/g) ?? []).map(Number);
  const linear = v => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  const light = ([r, g, b]) => [r, g, b].map(linear)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  let ground = one;
  const solid = of => { const [, , , a = 1] = parse(getComputedStyle(of).backgroundColor); return a > 0.99; };
  while (ground.parentElement && !solid(ground)) ground = ground.parentElement;
  const a = light(parse(getComputedStyle(one).color));
  const b = light(parse(getComputedStyle(ground).backgroundColor));
  const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  return ratio < 4.5 && !one.disabled ? [`${one.tagName}.${one.className} ${ratio.toFixed(2)}`] : [];
})"""
"""Elements whose text has less contrast than WCAG AA asks of small text (4.5:1), by its formulas."""


def test_every_kind_of_view_has_its_scripts():
    assert {kind: script_of([kind]) for kind in KINDS}.keys() == KINDS
    assert all(f"argand.views.{kind}" in script_of([kind]) for kind in KINDS)
