"""The README: one screen, and fit for the page of a package index (`test_docs.py` checks its links)."""

import re
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from test_docs import targets

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
SETUP = runpy.run_path(str(ROOT / "setup.py"))
MOST_LINES = 150
ADDRESS = "https://example.org/argand"


def test_the_readme_is_one_screen():
    assert len(README.splitlines()) <= MOST_LINES


def test_the_readme_has_four_pictures_of_its_systems():
    pictures = [target for target in targets(README) if target.endswith((".png", ".jpg"))]
    assert len(set(pictures)) == 4


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


@pytest.mark.slow
def test_the_metadata_of_a_build_have_the_long_description(tmp_path: Path):
    command = (
        "import sys; from setuptools import build_meta as b; b.prepare_metadata_for_build_wheel(sys.argv[1])"
    )
    for name in ("pyproject.toml", "setup.py", "README.md", "LICENSE", "src/argand/__init__.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, tmp_path / name)
    pyproject = tmp_path / "pyproject.toml"
    urls = f'[project.urls]\nRepository = "{ADDRESS}"\n\n[project.scripts]'
    pyproject.write_text(pyproject.read_text().replace("[project.scripts]", urls))
    done = [sys.executable, "-c", command, str(tmp_path)]
    subprocess.run(done, cwd=tmp_path, capture_output=True, check=True)
    metadata = next(tmp_path.glob("argand-*.dist-info")) / "METADATA"
    text = metadata.read_text(encoding="utf-8")
    assert "Description-Content-Type: text/markdown" in text
    assert f'<img src="{ADDRESS}/raw/v' in text
