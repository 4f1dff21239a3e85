"""One tutorial as an executed notebook: `python docs/_extensions/tutorial_notebook.py` writes it again."""

import json
import os
import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "docs/tutorials/crystallographer.md"
NOTEBOOK = ROOT / "examples/crystallographer.ipynb"
FRONT = re.compile(r"\A---\n.*?\n---\n", re.DOTALL)
CELL = re.compile(r"^```\{code-cell\}[^\n]*\n((?::[^\n]*\n)*\n?)(.*?)^```\n?", re.DOTALL | re.MULTILINE)
KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}


def cells_of(text: str) -> list[tuple[str, str]]:
    """Kind and source of each cell that a text of MyST-NB has; links start from the notebook's folder."""
    pieces = CELL.split(FRONT.sub("", text))
    cells = [("markdown", pieces[0])]
    for code, prose in zip(pieces[2::3], pieces[3::3], strict=True):
        cells += [("code", code), ("markdown", prose)]
    return [(kind, _led(kind, source.strip())) for kind, source in cells if source.strip()]


def _led(kind: str, source: str) -> str:
    return source.replace("](../", "](../docs/") if kind == "markdown" else source


def notebook_of(text: str) -> str:
    """A text of MyST-NB as a notebook that was not executed."""
    cells = [
        {"cell_type": kind, "id": f"cell-{number}", "metadata": {}, "source": source}
        | ({"execution_count": None, "outputs": []} if kind == "code" else {})
        for number, (kind, source) in enumerate(cells_of(text))
    ]
    head = {"metadata": {"kernelspec": KERNEL}, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(head | {"cells": cells})


def executed(text: str, folder: Path) -> dict[str, Any]:
    """A notebook after all its cells were run in this folder; an error of a cell is raised."""
    import nbformat
    from nbclient import NotebookClient

    notebook = nbformat.reads(text, as_version=4)
    place = {"metadata": {"path": str(folder)}}
    NotebookClient(notebook, kernel_name="python3", resources=place, coalesce_streams=True).execute()
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)  # times of day, which differ each time
    notebook.metadata = {"kernelspec": KERNEL}
    return json.loads(nbformat.writes(notebook))


if __name__ == "__main__":
    os.environ.setdefault("COLUMNS", "100")
    result = executed(notebook_of(SOURCE.read_text(encoding="utf-8")), NOTEBOOK.parent)
    NOTEBOOK.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
