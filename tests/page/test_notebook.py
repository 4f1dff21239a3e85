"""Cards in a notebook: picture and table stand beside each other where there is room, else below."""

import io
import shutil
from pathlib import Path

import pytest
from PIL import Image

from argand.page.notebook import html_card


@pytest.mark.parametrize("width", [390, 700, 1200])
def test_neither_picture_nor_table_is_squeezed(tmp_path: Path, width: int):
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if program is None:
        pytest.skip("no Chromium is installed: pages are not loaded")
    content = io.BytesIO()
    Image.new("L", (570, 200)).save(content, "png")
    card = html_card("An answer", {"found": "25.0 ± 0.0 chains, diamond"}, content.getvalue(), "a note")
    file = tmp_path / "card.html"
    file.write_text(f'<!doctype html><body style="margin:0">{card}', encoding="utf-8")
    with api.sync_playwright() as start:
        browser = start.chromium.launch(executable_path=program, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": width, "height": 800})
        page.goto(file.as_uri())
        picture, table = (page.locator(tag).bounding_box() for tag in ("img", "div > div"))
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        browser.close()
    assert picture is not None
    assert table is not None
    assert picture["width"] == min(570, width)
    assert table["width"] >= 260
    assert (table["y"] < picture["height"]) == (width == 1200)
