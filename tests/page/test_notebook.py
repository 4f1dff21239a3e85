"""Cards in a notebook: picture and table stand beside each other where there is room, else below."""

import io
from pathlib import Path

import pytest
from browsing import launched
from PIL import Image

from argand.page.notebook import html_card


@pytest.mark.parametrize("width", [390, 700, 1200])
def test_neither_picture_nor_table_is_squeezed(tmp_path: Path, width: int):
    content = io.BytesIO()
    Image.new("L", (570, 200)).save(content, "png")
    card = html_card("An answer", {"found": "25.0 ± 0.0 chains, diamond"}, content.getvalue(), "a note")
    file = tmp_path / "card.html"
    file.write_text(f'<!doctype html><body style="margin:0">{card}', encoding="utf-8")
    with launched() as browser:
        page = browser.new_page(viewport={"width": width, "height": 800})
        page.goto(file.as_uri())
        picture, table = (page.locator(tag).bounding_box() for tag in ("img", "div > div"))
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert picture is not None
    assert table is not None
    assert picture["width"] == min(570, width)
    assert table["width"] >= 260
    assert (table["y"] < picture["height"]) == (width == 1200)
