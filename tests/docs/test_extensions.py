"""What makes the pages of the site: docstrings, links, commands, schemas, and the check of what was built."""

from pathlib import Path

import pytest
import typer
from built_links import faults
from command_pages import system_page, top_page
from docutils.core import publish_doctree
from plain_docstrings import rst
from repository_links import linked, page_of
from schema_pages import page_of as schema_page
from staging import stage_examples

from argand.cli import build
from argand.system import SYSTEMS

ROOT = Path(__file__).parents[2]


def plain(text: str) -> str:
    """Text of a docstring as the site shows it, without its markup."""
    return publish_doctree("\n".join(rst(text.splitlines())), settings_overrides={"report_level": 2}).astext()


@pytest.mark.parametrize(
    "text",
    [
        "Weights w_j, F*(h) and |F|² of 2 * 3, a_ and *b.",
        "- not a list, 1. nor this",
        "A path \\udcff stays.",
        "(a) is not an enumeration",
        "an address, tcp://host:port",
    ],
)
def test_a_docstring_keeps_its_letters(text: str):
    assert plain(text) == text


def test_backticks_are_code_and_names_of_the_package_are_links():
    lines = rst(["Of `shape`s [n, `size`], see `argand.io.xds`, and `a", "b` over lines."])
    assert (
        lines[0] == r"Of ``shape``\ s [n, ``size``\ ], see :py:obj:`argand.io.xds`\ , and ``a b`` over lines."
    )


def test_an_indented_formula_stands_as_it_is():
    assert rst(["So", "", "    C_R(w) = *Σ*", "", "holds."])[2:5] == ["::", "", "        C_R(w) = *Σ*"]


@pytest.mark.parametrize(
    ("name", "page"),
    [
        ("examples/crystals.py", "/gallery/crystals.rst"),
        ("src/argand/io/xds.py", "/reference/api/argand.io.xds.rst"),
        ("src/argand/systems/geometry/__init__.py", "/reference/api/argand.systems.geometry.rst"),
        ("README.md", "/index"),
        ("src/argand/systems/molmnist/data/ensemble.json", None),
    ],
)
def test_a_file_of_the_repository_has_its_page(name: str, page: str | None):
    assert (ROOT / name).is_file()
    assert page_of(name) == page


def test_links_out_of_the_texts_lead_into_the_site():
    text = "[a](../../examples/crystals.py) [b](../../CITATION.cff) [c](crystals.md#x) [d](../../gone.md)"
    found = linked(text, ROOT / "docs/guides/geometry.md", ROOT / "docs", "")
    assert found == "[a](/gallery/crystals.rst) [b](/citing.md) [c](crystals.md#x) [d](../../gone.md)"
    data = "[e](../../src/argand/systems/molmnist/data/ensemble.json)"
    assert linked(data, ROOT / "docs/guides/molmnist.md", ROOT / "docs", "") == "e"
    address = "https://example.org/src/argand/systems/molmnist/data/ensemble.json"
    assert linked(data, ROOT / "docs/guides/molmnist.md", ROOT / "docs", "https://example.org/").endswith(
        f"({address})"
    )


def test_links_of_an_included_file_start_from_where_it_is():
    found = linked("[a](docs/guides/geometry.md#b) [c](LICENSE)", ROOT / "CHANGELOG.md", ROOT / "docs", "")
    assert found == "[a](/guides/geometry.md#b) [c](/licence.md)"


def test_every_verb_and_option_is_on_a_page():
    app = typer.main.get_command(build(SYSTEMS))
    for system in SYSTEMS:
        page = "\n".join(system_page(system, app.commands[system]))  # type: ignore[attr-defined]
        for verb, command in app.commands[system].commands.items():  # type: ignore[attr-defined]
            assert f"\nargand {system} {verb}\n" in page
            for option in command.params:
                assert getattr(option, "hidden", False) or option.opts[0] in page, (system, verb, option.opts)
    assert "argand doctor" in "\n".join(top_page(app))


def test_a_schema_becomes_a_table():
    schema = {
        "title": "Answer",
        "required": ["file"],
        "properties": {
            "file": {"type": "string", "description": "Name of the file."},
            "centre": {
                "type": ["array", "null"],
                "items": {"type": "number"},
                "description": "Beam centre, px.",
            },
            "cell": {"$ref": "#/$defs/cell"},
            "width": {"$ref": "#/$defs/length"},
        },
        "$defs": {
            "cell": {"properties": {"a": {"type": "number", "description": "Edge, Å."}}},
            "length": {"type": "number", "description": "In mm."},
        },
    }
    page = "\n".join(schema_page("answer", schema))
    assert "* - ``file``\n     - string\n     - Name of the file.\n" in page
    assert "* - ``centre``\n     - array of number or null\n     - Beam centre, px. Not always there." in page
    assert "* - ``a``" in page
    assert "* - ``width``\n     - number\n     - In mm." in page
    assert "\nlength\n" not in page


def test_examples_are_staged_with_their_data_and_without_what_is_gone(tmp_path: Path):
    (tmp_path / "gone.py").touch()
    (tmp_path / "data").mkdir()
    stage_examples(ROOT / "examples", tmp_path)
    assert {path.name for path in tmp_path.glob("*.py")} == {
        path.name for path in (ROOT / "examples").glob("*.py")
    }
    assert (tmp_path / "data/cod_2016452.hkl.gz").is_file()
    assert not (tmp_path / "data/README.md").exists()


def test_links_that_lead_nowhere_and_fetched_files_are_seen(tmp_path: Path):
    (tmp_path / "a.html").write_text(
        '<a href="b.html#here">1</a><a href="b.html#gone">2</a><a href="c.html">3</a><a href="#top">4</a>'
        '<a href="https://example.org">5</a><script src="https://example.org/x.js"></script><p id="top">',
        encoding="utf-8",
    )
    (tmp_path / "b.html").write_text('<p id="here">', encoding="utf-8")
    assert list(faults(tmp_path)) == [
        "a.html: b.html#gone: no such anchor: #gone",
        "a.html: c.html: no such file",
        "a.html: https://example.org/x.js: fetched from elsewhere",
    ]
