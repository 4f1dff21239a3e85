"""The README: short, its links and pictures there, and fit for the page of a package index."""

import re
import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
SETUP = runpy.run_path(str(ROOT / "setup.py"))
MOST_LINES = 150
TARGET = re.compile(r'\]\((?!https?:)(?P<link>[^)\s]+)\)|src="(?!https?:)(?P<picture>[^"]+)"')
ADDRESS = "https://example.org/argand"


def targets(text: str) -> list[str]:
    """Relative links and pictures."""
    return [found["link"] or found["picture"] for found in TARGET.finditer(text)]


def anchors(path: Path) -> set[str]:
    """Anchors of the headings of a Markdown file."""
    headings = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_readme_is_one_screen():
    assert len(README.splitlines()) <= MOST_LINES


def test_every_relative_link_and_picture_of_the_readme_is_there():
    found = targets(README)
    assert sum(target.endswith((".png", ".jpg")) for target in found) == 4
    for target in found:
        name, _, anchor = target.partition("#")
        assert (ROOT / name).exists(), target
        assert not anchor or anchor in anchors(ROOT / name), target


@pytest.mark.parametrize("text", ["![a](x.png)", '<img src="x.png">', "[a](b.md#c)"])
def test_links_and_pictures_are_seen(text: str):
    assert len(targets(text)) == 1


def test_links_and_pictures_lead_to_the_repository_where_its_address_is_known():
    text = SETUP["long_description"](README, f"{ADDRESS}/", "1.2")
    assert targets(text) == []
    assert f'<img src="{ADDRESS}/raw/v1.2/docs/figures/thaumatin.jpg"' in text
    assert f"({ADDRESS}/blob/v1.2/docs/guides/geometry.md#limits)" in text


def test_without_an_address_no_link_is_broken_and_no_word_lost():
    text = SETUP["long_description"](README, None, "1.2")
    assert targets(text) == []
    assert "<img" not in text
    assert "[limits]" not in text
    assert "[CITATION" not in text
    words = re.sub(r"<img[^>]*>|\]\([^)]*\)|[\[\]|\s]", "", README)
    assert re.sub(r"[\[\]|\s]", "", text) == words
    assert "\n| |" not in text
    assert "\n|  |" not in text


def test_links_with_an_address_of_their_own_stay():
    text = "see [arXiv](https://arxiv.org/abs/1)"
    assert SETUP["long_description"](text, None, "1") == text


def test_the_version_of_the_links_is_that_of_the_package():
    from argand import __version__

    assert SETUP["version_of"]((ROOT / "src/argand/__init__.py").read_text()) == __version__
    with pytest.raises(ValueError, match="no __version__"):
        SETUP["version_of"]("")
