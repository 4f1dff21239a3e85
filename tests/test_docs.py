"""What the texts name is there."""

import re
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TEXTS = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "benchmarks/README.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted((ROOT / "src/argand/systems").glob("*/README.md")),
    *sorted((ROOT / "src/argand/weights").glob("*/card.md")),
]
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
