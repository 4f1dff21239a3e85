"""Modules, functions and files that the texts name are there."""

import re
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TEXTS = [
    *(
        ROOT / name
        for name in (
            "README.md",
            "CONTRIBUTING.md",
            "RELEASING.md",
            "benchmarks/README.md",
            "examples/data/README.md",
        )
    ),
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted((ROOT / "src/argand/systems").glob("*/README.md")),
    *sorted((ROOT / "src/argand/weights").glob("*/card.md")),
]
TARGET = re.compile(r'\]\((?!https?:)(?P<link>[^)\s]+)\)|src="(?!https?:)(?P<picture>[^"]+)"')
"""A relative link of Markdown, or a picture."""
NAMED = re.compile(r"\bargand(?:\.\w+)+(?:\.\{[\w,]+\})?")


def named(text: str) -> set[str]:
    """Dotted names in a text; `a.{b,c}` stands for two."""
    found = set()
    for match in NAMED.findall(text):
        stem, _, several = match.partition(".{")
        found |= {f"{stem}.{one}" for one in several.rstrip("}").split(",")} if several else {stem}
    return found


def exists(name: str) -> bool:
    """Whether a dotted name is a module, or something that a module has."""
    parent, _, last = name.rpartition(".")
    try:
        return find_spec(name) is not None or hasattr(import_module(parent), last)
    except ModuleNotFoundError:
        return bool(parent) and exists(parent) and hasattr(import_module(parent), last)


@pytest.mark.parametrize("text", TEXTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_module_and_function_that_a_text_names_is_there(text: Path):
    missing = [name for name in sorted(named(text.read_text(encoding="utf-8"))) if not exists(name)]
    assert not missing, missing


def test_a_name_that_is_gone_is_seen():
    assert named("see `argand.io.{xds,gone}`") == {"argand.io.xds", "argand.io.gone"}
    assert exists("argand.io.xds")
    assert exists("argand.io.xds.write_xds")
    assert not exists("argand.io.gone")


def targets(text: str) -> list[str]:
    """Relative links and pictures of a text."""
    return [found["link"] or found["picture"] for found in TARGET.finditer(text)]


def anchors(path: Path) -> set[str]:
    """Anchors of the headings of a Markdown file."""
    headings = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def lacking(text: str, path: Path) -> list[str]:
    """Relative links and pictures of a text at `path` without a file, or without a heading, behind them."""
    found = []
    for target in targets(text):
        name, _, anchor = target.partition("#")
        file = (path.parent / name).resolve() if name else path
        if not file.exists() or (anchor and anchor not in anchors(file)):
            found.append(target)
    return found


@pytest.mark.parametrize("text", TEXTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_relative_link_and_picture_of_a_text_is_there(text: Path):
    assert not lacking(text.read_text(encoding="utf-8"), text)


def test_links_pictures_and_anchors_that_are_gone_are_seen():
    text = '[a](gone.md) ![b](gone.png) <img src="docs/gone.png"> [c](CONTRIBUTING.md#gone)'
    text += " [d](CONTRIBUTING.md#style) [e](LICENSE)"
    gone = ["gone.md", "gone.png", "docs/gone.png", "CONTRIBUTING.md#gone"]
    assert lacking(text, ROOT / "README.md") == gone
