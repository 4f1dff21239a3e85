"""The page of a run of crystals holds what was encoded and decoded, and needs nothing from elsewhere."""

import base64
import gzip
import json
import re
from html import unescape
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from argand.crew import HERE
from argand.errors import InputError
from argand.io.structure import write_structure
from argand.physics.crystal.structure import Structure, checked
from argand.systems.crystals.database.families import principal_plane
from argand.systems.crystals.files.explore import alter_file, interpolate_files
from argand.systems.crystals.files.run import reconstruct_files
from argand.systems.crystals.generation.candidates import Prior
from argand.systems.crystals.generation.sampling import sample_files
from argand.systems.crystals.generation.selection import Selection, Wishes
from argand.systems.crystals.latent.representation import representation_of
from argand.systems.crystals.models.fourier import FourierModel
from argand.systems.crystals.page import run as page_run
from argand.systems.crystals.page.displacement import displacements
from argand.systems.crystals.predict import Predictor
from argand.systems.crystals.view import write_page

SHORT = representation_of(256)
MODEL = FourierModel(SHORT)
_VIEWS = re.compile(
    r'<figure class="view" data-view="(\w+)".*?<script type="application/json">(.*?)</script>', re.DOTALL
)


def salt(metal: int, length: float) -> Structure:
    """Two atoms in a face-centred cell."""
    face = np.array([[0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]])
    return checked(length * face, np.array([metal, 17]), np.array([[0, 0, 0], [0.5, 0.5, 0.5]]))


@pytest.fixture
def cifs(tmp_path: Path) -> Path:
    """A folder of four structures and of one file that is none."""
    folder = tmp_path / "cifs"
    folder.mkdir()
    for metal, length in ((3, 5.1), (11, 5.6), (19, 6.3), (37, 6.6)):
        write_structure(folder / f"{metal}.cif", salt(metal, length))
    (folder / "broken<.cif").write_text("data_broken\n")
    return folder


def views_of(page: Path) -> list[tuple[str, Any]]:
    """Kinds and data of the views of a page, which refers to nothing elsewhere."""
    source = page.read_text(encoding="utf-8")
    assert len(source) < 1.5e6
    assert not re.search(r'(src|href)="(https?:)?//', source)
    return [(kind, json.loads(data)) for kind, data in _VIEWS.findall(source)]


def data_of(page: Path, kind: str) -> Any:
    """The data of the first view of a kind."""
    return next(data for one, data in views_of(page) if one == kind)


def unpacked(told: dict[str, Any]) -> np.ndarray:
    """The array that a script reads."""
    plain = gzip.decompress(base64.b64decode(told["data"]))
    return np.frombuffer(plain, told["dtype"]).reshape(told["shape"])


def texts_of(page: Path) -> list[dict[str, Any]]:
    """What the page says of each structure when it is shown."""
    return json.loads(unpacked(data_of(page, "item")["items"]).tobytes())


def table_of(page: Path) -> list[dict[str, str]]:
    """The cells of the table of structures, by their headings."""
    source = page.read_text(encoding="utf-8")
    rows = re.findall(r'<tr data-group="structures" data-number="\d+">(.*?)</tr>', source, re.DOTALL)
    cells = re.compile(r'data-label="([^"]*)">(.*?)</t[hd]>', re.DOTALL)
    plain = re.compile(r"<[^>]*>")
    return [
        {unescape(name): unescape(plain.sub("", cell)) for name, cell in cells.findall(row)} for row in rows
    ]


def change(folder: Path, **values: Any) -> None:
    """Change the first record of a run."""
    summary = json.loads((folder / "summary.json").read_text())
    summary["structures"][0] |= values
    (folder / "summary.json").write_text(json.dumps(summary))


def test_the_page_shows_what_was_encoded_beside_what_came_back(cifs: Path, tmp_path: Path):
    out = tmp_path / "out"
    reconstruct_files([str(cifs)], out, MODEL, machines=HERE)
    page = write_page(out, among=[str(cifs)])
    assert page == out / "index.html"
    assert "broken&lt;.cif" in page.read_text(encoding="utf-8")
    drawn = data_of(page, "structure")
    assert [panel["title"] for panel in drawn["panels"]] == ["input", "decoded"]
    assert [len(panel["frames"]) for panel in drawn["panels"]] == [4, 4]
    lattices = unpacked(drawn["lattices"])
    np.testing.assert_allclose(lattices[:4], lattices[4:], atol=1e-3)
    told = texts_of(page)
    assert [one["title"] for one in told] == ["11", "19", "3", "37"]
    columns = [name for name, _ in data_of(page, "item")["columns"]]
    for one in told:
        assert one["verdict"][0] is True
        assert "gives back the structure" in one["verdict"][1]
        rows = [dict(zip(columns, row, strict=True)) for row in one["rows"]]
        assert max(float(row["displacement, Å"]) for row in rows) < 1e-2
        assert min(float(row["probability of the element"]) for row in rows) > 0.99
        assert [row["atom"][:2] for row in rows] == [row["atom of the input"][:2] for row in rows]
    table = table_of(page)
    assert [row["formula"] for row in table] == ["NaCl", "KCl", "LiCl", "RbCl"]
    assert {row["space group"] for row in table} == {"Fm-3m (225)"}
    assert all(row["verdict"].startswith("✓ trusted") for row in table)
    assert [float(row["volume, Å³"]) for row in table] == pytest.approx(
        [salt(1, x).volume for x in (5.6, 6.3, 5.1, 6.6)], rel=1e-3
    )


def test_the_map_has_a_point_and_a_structure_for_each_of_the_files(cifs: Path, tmp_path: Path):
    reconstruct_files([str(cifs)], tmp_path / "out", MODEL, machines=HERE)
    views = views_of(write_page(tmp_path / "out", among=[str(cifs)]))
    assert [kind for kind, _ in views] == ["structure", "item", "plot", "structure", "item"]
    (plot,) = views[2][1]["plots"]
    colourings = {one["name"]: one["values"] for one in plot["colourings"]}
    assert len(plot["xs"]) == len(views[3][1]["panels"][0]["frames"]) == 4
    assert colourings["anion"] == ["Cl"] * 4
    assert len({views[number][1]["group"] for number in (2, 3, 4)}) == 1
    assert views[0][1]["group"] == views[1][1]["group"] != views[2][1]["group"]


def test_inputs_that_are_gone_are_left_out(cifs: Path, tmp_path: Path):
    out = tmp_path / "out"
    reconstruct_files([str(cifs / "3.cif")], out, MODEL, machines=HERE)
    (cifs / "3.cif").unlink()
    page = write_page(out, tmp_path / "page.html")
    assert [panel["title"] for panel in data_of(page, "structure")["panels"]] == ["decoded"]
    assert "displacement, Å" not in json.dumps(data_of(page, "item")["columns"])
    assert 'href="3.cif"' not in page.read_text(encoding="utf-8")


def test_what_is_not_trusted_is_grey_and_says_why(cifs: Path, tmp_path: Path):
    out = tmp_path / "out"
    reconstruct_files([str(cifs)], out, MODEL, machines=HERE)
    change(out, trusted=False, reason="confidence 0.31: <b>another</b> structure", confidence=0.31)
    page = write_page(out)
    first, second = table_of(page)[:2]
    assert first["verdict"] == "✗ not trusted<b>another</b> structure"
    assert second["verdict"].startswith("✓ trusted")
    assert page.read_text(encoding="utf-8").count('<span class="best-guess"') >= 5
    assert texts_of(page)[0]["verdict"] == [False, "confidence 0.31: <b>another</b> structure"]
    decoded = data_of(page, "structure")["panels"][1]["frames"]
    assert [frame[5] for frame in decoded] == [0, 1, 1, 1]
    assert "3 of 4" in page.read_text(encoding="utf-8")


def test_of_many_structures_the_least_certain_are_shown(
    cifs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    out = tmp_path / "out"
    reconstruct_files([str(cifs)], out, MODEL, machines=HERE)
    change(out, confidence=0.9)
    monkeypatch.setattr(page_run, "MOST_SHOWN", 1)
    page = write_page(out)
    assert [one["title"] for one in texts_of(page)] == ["11"]
    assert "Of 4 structures the 1 of least confidence" in page.read_text(encoding="utf-8")


def test_a_way_is_a_film_whose_curves_are_the_records(cifs: Path, tmp_path: Path):
    out = tmp_path / "path"
    interpolate_files(cifs / "11.cif", cifs / "19.cif", 4, out, Predictor(MODEL), 1)
    change(out, trusted=False)
    records = json.loads((out / "summary.json").read_text())["structures"]
    page = write_page(out)
    views = views_of(page)
    assert [kind for kind, _ in views] == ["structure", "plot", "item"]
    assert len({data["group"] for _, data in views}) == 1
    assert len(views[0][1]["panels"][0]["frames"]) == 4
    confidence, volume, shortest = (plot["series"] for plot in views[1][1]["plots"])
    np.testing.assert_allclose(confidence[0]["x"], [100 * one["share"] for one in records], rtol=1e-5)
    np.testing.assert_allclose(confidence[0]["y"], [one["confidence"] for one in records], rtol=1e-5)
    np.testing.assert_allclose(shortest[0]["y"], [one["shortest_distance"] for one in records], rtol=1e-5)
    assert volume[0]["y"][0] == pytest.approx(salt(11, 5.6).volume / 2, rel=1e-4)
    assert volume[0]["y"][-1] == pytest.approx(salt(19, 6.3).volume / 2, rel=1e-4)
    for series in (confidence, volume, shortest):
        assert series[1]["name"] == "not trusted"
        assert series[1]["y"] == [series[0]["y"][0], None, None, None]
    assert [float(row["share, %"]) for row in table_of(page)] == [0.0, 33.3, 66.7, 100.0]
    assert table_of(page)[0]["verdict"].startswith("✗ not trusted")


def test_altered_structures_stand_beside_the_one_as_given(cifs: Path, tmp_path: Path):
    out = tmp_path / "altered"
    settings: dict[str, Any] = {"substitutions": ["Na=K"], "strain": [0.05], "volume": "keep"}
    alter_file(cifs / "11.cif", out, Predictor(MODEL), **settings)
    page = write_page(out)
    drawn = data_of(page, "structure")
    assert [panel["title"] for panel in drawn["panels"]] == ["as given", "altered"]
    lattices = unpacked(drawn["lattices"])
    np.testing.assert_allclose(np.linalg.det(lattices[1]) / np.linalg.det(lattices[0]), 1.05**3, rtol=1e-3)
    (told,) = texts_of(page)
    # A strain alone moves no atom in fractions of the cell.
    assert max(float(row[-1]) for row in told["rows"]) < 1e-2
    assert table_of(page)[0]["distances"] == "✓ valid"


def test_new_structures_have_a_page_with_what_is_known_of_each(tmp_path: Path):
    selection = Selection(Prior(), Wishes(), representation_of(512))
    summary = sample_files(tmp_path / "new", 2, 1, selection)
    page = write_page(tmp_path / "new")
    table = table_of(page)
    assert [row["formula"] for row in table] == [one["formula"] for one in summary["structures"]]
    for row, one in zip(table, summary["structures"], strict=True):
        assert row["space group"] == one["space_group"]
        assert row["known as"] == (one["known_as"] or "new")
        assert one["nearest"] in row["most similar known"]
        assert row["distances"] == ("✓ valid" if one["valid_strict"] else "✗ too short")
    assert [panel["title"] for panel in data_of(page, "structure")["panels"]] == ["new structure"]
    assert f"<b>{summary['drawn']}</b>" in page.read_text(encoding="utf-8")


def test_displacements_pair_atoms_across_the_faces_of_the_cell():
    given = salt(11, 5.6)
    shift = np.array([0.01, 0.0, -0.01])
    moved = checked(given.lattice, given.species[::-1], given.frac_coords[::-1] + shift)
    found = displacements(given, moved)
    assert found is not None
    assert found.partners.tolist() == [1, 0]
    np.testing.assert_allclose(found.distance, np.linalg.norm(shift @ given.lattice), rtol=1e-4)


def test_displacements_need_one_cell_and_as_many_atoms():
    given = salt(11, 5.6)
    assert displacements(given, salt(11, 6.0)) is None
    assert displacements(given, salt(11, 6.0), strained=True) is not None
    assert displacements(given, checked(given.lattice, given.species[:1], given.frac_coords[:1])) is None


def test_a_folder_without_a_run_is_refused(tmp_path: Path):
    with pytest.raises(InputError, match="no results"):
        write_page(tmp_path)


def test_the_plane_of_the_map_keeps_the_directions_that_differ_most():
    generator = np.random.default_rng(0)
    rows = np.zeros((40, 6))
    rows[:, :3] = generator.standard_normal(40)[:, None]
    rows[:, 4] = generator.standard_normal(40)
    rows[0, 4] = 1e3
    plane = principal_plane(rows, np.ones(6))
    assert abs(np.corrcoef(plane[:, 0], rows[:, 0])[0, 1]) > 0.9
    assert plane.shape == (40, 2)
