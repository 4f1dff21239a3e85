"""What the pages of the site say of the code is so: quoted messages, terms, references, links."""

import ast
import json
import os
import re
import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
WITHOUT_DOI = {
    "buerger1959": "a book",
    "caliandro2005": "not on record here",
    "hadden2013": "not on record here",
    "kannam2017": "not on record here",
    "kraut1961": "not on record here",
    "lin": "a poster",
    "luzzati1953": "not on record here",
    "matthews2012": "not on record here",
    "padilla2003": "not on record here",
    "parkhurst2020": "not on record here",
    "stanley1972": "not on record here",
    "zitting2023": "not on record here",
}
"""References that have no DOI in docs/references.bib, and why."""


@cache
def messages() -> str:
    """All text of the code with … for what is put in, one a line."""
    found = []
    for path in sorted((ROOT / "src/argand").rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        found += [_text(node) for node in ast.walk(tree) if isinstance(node, ast.Constant | ast.JoinedStr)]
    return "\n".join(found)


def _text(node: ast.expr) -> str:
    if isinstance(node, ast.JoinedStr):
        return "".join(_text(part) for part in node.values)
    return str(node.value).replace("\n", " ") if isinstance(node, ast.Constant) else "…"


QUOTED = re.findall(r"^### `(.+)`$", (DOCS / "faq.md").read_text(encoding="utf-8"), re.MULTILINE)


@pytest.mark.parametrize("message", QUOTED)
def test_a_message_of_the_faq_is_one_of_the_code(message: str):
    said = message in messages()
    assert said, f"docs/faq.md quotes `{message}`, which argand does not say"


def test_the_faq_has_questions_and_a_wrong_one_is_seen():
    assert len(QUOTED) >= 10
    assert "no such message; ask somebody else" not in messages()


def bibliography() -> dict[str, str]:
    """Key -> entry of docs/references.bib."""
    text = (DOCS / "references.bib").read_text(encoding="utf-8")
    return {entry[1]: entry[0] for entry in re.finditer(r"@\w+\{(\w+),.*?\n\}", text, re.DOTALL)}


def test_references_have_dois():
    without = {key for key, entry in bibliography().items() if not re.search(r"doi = \{10\.\d+/", entry)}
    assert without == WITHOUT_DOI.keys()


@pytest.mark.parametrize("path", sorted((DOCS / "theory").glob("*.md")), ids=lambda path: path.name)
def test_dois_and_arxiv_numbers_of_theory_are_in_the_bibliography(path: Path):
    known = (DOCS / "references.bib").read_text(encoding="utf-8").lower()
    named = re.findall(r"\b10\.\d{4,5}/[^\s)|,;]+|(?<=arXiv )\d{4}\.\d{5}", path.read_text(encoding="utf-8"))
    missing = [name for name in named if name.lower().rstrip(".") not in known]
    assert not missing, f"{path.relative_to(ROOT)} names {missing}, which docs/references.bib lacks"


def test_the_notebook_is_what_its_tutorial_gives_and_was_executed():
    from tutorial_notebook import NOTEBOOK, SOURCE, cells_of

    assert NOTEBOOK.stat().st_size < 60_000
    notebook = json.loads(NOTEBOOK.read_text(encoding="utf-8"))
    held = [(cell["cell_type"], "".join(cell["source"])) for cell in notebook["cells"]]
    assert held == cells_of(SOURCE.read_text(encoding="utf-8"))
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in code] == list(range(1, len(code) + 1))
    assert not [out for cell in code for out in cell["outputs"] if out["output_type"] == "error"]


@pytest.mark.slow
def test_the_notebook_runs(monkeypatch: pytest.MonkeyPatch):
    from tutorial_notebook import NOTEBOOK, executed

    monkeypatch.setenv("PATH", os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"])))
    assert executed(NOTEBOOK.read_text(encoding="utf-8"), NOTEBOOK.parent)
