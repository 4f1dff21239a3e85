"""The page of a run of crystals holds what was encoded and decoded, and needs nothing from elsewhere."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from argand.crew import HERE
from argand.errors import InputError
from argand.io.structure import write_structure
from argand.physics.crystal.structure import Structure, checked
from argand.systems.crystals.database.families import principal_plane
from argand.systems.crystals.files.explore import interpolate_files
from argand.systems.crystals.files.run import reconstruct_files
from argand.systems.crystals.latent.representation import representation_of
from argand.systems.crystals.models.fourier import FourierModel
from argand.systems.crystals.predict import Predictor
from argand.systems.crystals.view import write_page

SHORT = representation_of(256)
MODEL = FourierModel(SHORT)


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


def data_of(page: Path) -> dict:
    """What the page draws."""
    text = page.read_text(encoding="utf-8")
    assert len(text) < 5e6
    assert not re.search(r'(src|href)="(https?:)?//', text)
    found = re.search(r'<script type="application/json" id="data">(.*)</script>', text)
    assert found
    return json.loads(found.group(1))


def test_the_page_shows_what_was_encoded_beside_what_came_back(cifs: Path, tmp_path: Path):
    out = tmp_path / "out"
    reconstruct_files([str(cifs)], out, MODEL, machines=HERE)
    page = write_page(out, among=[str(cifs)])
    assert page == out / "index.html"
    assert "broken&lt;.cif" in page.read_text(encoding="utf-8")
    data = data_of(page)
    assert [pair["name"] for pair in data["pairs"]] == ["11", "19", "3", "37"]
    for pair in data["pairs"]:
        np.testing.assert_allclose(pair["input"]["lattice"], pair["decoded"]["lattice"], atol=1e-3)
        assert max(float(row[-1]) for row in pair["rows"]) < 1e-2
        assert min(float(row[-2]) for row in pair["rows"]) > 0.99
    assert len(data["map"]["points"]) == len(data["map"]["structures"]) == 4
    assert data["map"]["families"]["anion"] == ["Cl"] * 4
    assert data["elements"]["17"][0] == "Cl"


def test_inputs_that_are_gone_are_left_out(cifs: Path, tmp_path: Path):
    out = tmp_path / "out"
    reconstruct_files([str(cifs / "3.cif")], out, MODEL, machines=HERE)
    (cifs / "3.cif").unlink()
    (pair,) = data_of(write_page(out, tmp_path / "page.html"))["pairs"]
    assert pair["input"] is None
    assert pair["decoded"]["atoms"]


def test_a_way_has_one_frame_for_each_step(cifs: Path, tmp_path: Path):
    out = tmp_path / "path"
    interpolate_files(cifs / "11.cif", cifs / "19.cif", 4, out, Predictor(MODEL), 1)
    data = data_of(write_page(out))
    assert len(data["path"]) == 4
    assert data["pairs"] == data["map"]["points"] == []


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
