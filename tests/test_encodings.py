"""Text files are read and written as UTF-8 wherever argand runs, whatever the locale says."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import argand

SOURCES = sorted(Path(argand.__file__).parent.rglob("*.py"))
OWN = (
    "self.record.open",
    "Image.open",
    "Pillow.open",
    "self.open",
    "webbrowser.open",
    "archive.open",
    "os.open",
)
"""Calls of the name `open` that open no text file."""


def untold(tree: ast.Module) -> Iterator[str]:
    """Calls that open a file as text and do not say in which encoding."""
    for call in ast.walk(tree):
        if not isinstance(call, ast.Call) or any(one.arg == "encoding" for one in call.keywords):
            continue
        name = ast.unparse(call.func)
        texts = [
            one.value for one in call.args if isinstance(one, ast.Constant) and isinstance(one.value, str)
        ]
        is_method = isinstance(call.func, ast.Attribute)
        if name.endswith((".read_text", ".write_text")) and is_method:
            if not (name.endswith(".read_text") and texts):
                yield f"{name}, line {call.lineno}"
        elif name.split(".")[-1] == "open" and name not in OWN and not any("b" in text for text in texts):
            yield f"{name}, line {call.lineno}"


def test_every_text_file_has_its_encoding_told():
    found = [f"{path}: {call}" for path in SOURCES for call in untold(ast.parse(path.read_text("utf-8")))]
    assert found == []


@pytest.mark.parametrize(
    "line", ["path.read_text()", "path.write_text('a')", "path.open()", "open('a', 'w')", "path.open('r')"]
)
def test_a_call_without_one_is_found(line: str):
    assert len(list(untold(ast.parse(line)))) == 1
