"""The page of a solved crystal, made from what lies in the folder of a run."""

import json
import re
from pathlib import Path

import gemmi
import numpy as np
import pytest
from typer.testing import CliRunner

from argand.cli import build
from argand.io.map import read_ccp4, sample_map
from argand.systems.patterson.solution.drawn_crystal import (
    density_sections,
    drawn_structure,
    patterson_sections,
    read_model,
)
from argand.systems.patterson.solution.solve_file import solve_file

DATA = Path(__file__).parents[4] / "examples" / "data" / "cod_2016452.hkl.gz"
CELL = (9.748, 8.890, 7.566, 90.0, 112.74, 90.0)
STATED = ["--cell", ",".join(map(str, CELL)), "--spacegroup", "P 21/c", "--formula", "C14H14O2"]


def run(*arguments: str):
    return CliRunner().invoke(build({"patterson": "argand.systems.patterson"}), ["patterson", *arguments])


@pytest.fixture(scope="module")
def solved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("solved")
    result = run("solve", str(DATA), *STATED, "--out", str(out), "--seed", "0")
    assert result.exit_code == 0, result.output
    assert "index.html" in result.output
    return out


def files_of(folder: Path) -> dict[str, Path]:
    files = json.loads((folder / "cod_2016452.json").read_text())["files"]
    return {kind: Path(path) for kind, path in files.items()}


def test_the_page_tells_question_answer_log_and_harker_peaks(solved: Path):
    page = (solved / "index.html").read_text(encoding="utf-8")
    for words in ("✓ trusted", "C14H14O2", "dual-space", "8 of 8", "98.4 %", "-x,y+1/2,-z+1/2"):
        assert words in page
    assert page.index("R1 = 0.125, 99 % likely") < page.index("<figure")
    assert re.findall(r'<figure class="view" data-view="(\w+)"', page) == [
        "structure",
        "sections",
        "sections",
    ]
    assert page.count("<script>") == 1
    assert "src=" not in re.sub(r"<script>.*?</script>", "", page, flags=re.DOTALL)


def test_a_page_of_one_crystal_is_small(solved: Path):
    assert (solved / "index.html").stat().st_size < 400_000


def test_view_writes_the_same_page_again_even_where_the_folder_was_moved(solved: Path, tmp_path: Path):
    moved = solved.rename(tmp_path / "moved")
    try:
        (moved / "index.html").unlink()
        assert run("view", str(moved)).exit_code == 0
        assert "C14H14O2" in (moved / "index.html").read_text(encoding="utf-8")
    finally:
        moved.rename(solved)


def test_the_structure_is_drawn_in_its_density_with_the_symmetry_of_the_crystal(solved: Path):
    files = files_of(solved)
    model, density = read_model(files["cif"]), read_ccp4(files["density"])[0]
    drawn = drawn_structure(model, density, "e/Å³", True)
    assert drawn.density is not None
    assert len(drawn.elements) == 8
    assert re.fullmatch(r"O1: 0\.28\d\d 0\.70\d\d 0\.7[78]\d\d, U 0\.03\d Å²", drawn.details[0])
    assert len(drawn.operations) == 4
    # The images of an atom under these operations are those of gemmi's group.
    place = np.array(drawn.frac[0])
    images = sorted(tuple(np.round(np.array(turn) @ place + move, 6) % 1) for turn, move in drawn.operations)
    group = gemmi.SpaceGroup("P 1 21/c 1").operations()
    true = sorted(tuple(np.round(one.apply_to_xyz(place.tolist()), 6) % 1) for one in group)
    np.testing.assert_allclose(images, true, atol=1e-5)
    assert 0 < drawn.density.level < density.max() / 2


def test_sections_have_the_peaks_and_the_harker_sections_of_the_group(solved: Path):
    files = files_of(solved)
    model, values = read_model(files["cif"]), read_ccp4(files["patterson"])[0]
    peaks = json.loads(files["patterson_peaks"].read_text())
    drawn = patterson_sections(model, values, peaks, "peaks")
    assert [one.words for one in drawn.harker] == ["v = 1/2", "u = 0, w = 1/2"]
    assert drawn.start == (1, 0.5)
    assert drawn.top == peaks[0]["height"]
    # The map at its peaks is as high as the table says.
    grid = gemmi.FloatGrid(np.ascontiguousarray(values, np.float32))
    for mark in drawn.marks[:10]:
        found = grid.interpolate_value(gemmi.Fractional(*mark.frac), order=3)
        assert found == pytest.approx(mark.height, rel=0.05)


def test_atoms_lie_at_peaks_of_the_density_that_is_drawn(solved: Path):
    files = files_of(solved)
    model, density = read_model(files["cif"]), read_ccp4(files["density"])[0]
    drawn = density_sections(model, density, "e/Å³", "atoms")
    assert [mark.label for mark in drawn.marks][:2] == ["O1", "C1"]
    assert min(mark.height for mark in drawn.marks) > 2.0
    assert drawn.symmetry is not None
    assert drawn.symmetry.order == 4


def test_samples_of_a_crystals_map_lie_where_its_atoms_are(solved: Path):
    files = files_of(solved)
    structure = gemmi.read_small_structure(str(files["cif"]))
    cell = np.array(structure.cell.orth.mat.tolist())
    places = [cell @ np.array(site.fract.tolist()) for site in structure.sites]
    heights = [sample_map(files["density"], place, 1.0, (1, 1, 1)).item() for place in places]
    again = [
        sample_map(files["density"], place - cell @ (1, 2, 0), 1.0, (1, 1, 1)).item() for place in places
    ]
    assert min(heights) > 2.0
    assert np.allclose(heights, again, atol=1e-3)


def test_other_pages_are_not_overwritten(tmp_path: Path):
    (tmp_path / "index.html").write_text("mine")
    result = run("solve", str(DATA), *STATED, "--out", str(tmp_path))
    assert result.exit_code == 1
    assert "not written by this version of argand; give another --out" in result.output
    assert (tmp_path / "index.html").read_text() == "mine"


@pytest.mark.parametrize("lost", [None, "cod_2016452.cif"])
def test_a_folder_without_a_whole_run_is_one_line(solved: Path, tmp_path: Path, lost: str | None):
    if lost is not None:
        (tmp_path / "cod_2016452.json").write_text((solved / "cod_2016452.json").read_text())
    result = run("view", str(tmp_path))
    assert result.exit_code == 1
    assert result.output.count("\n") == 1
    assert "solve" in result.output


def test_python_mirrors_the_command_line(solved: Path):
    answer = solve_file(DATA, CELL, "P 21/c", "C14H14O2")
    assert answer.trusted
    told = json.loads((solved / "cod_2016452.json").read_text())
    assert answer.r1 == pytest.approx(told["r1"], abs=1e-4)
    assert sorted(answer.atoms.elements) == ["C"] * 7 + ["O"]
    assert len(answer.log) == answer.attempts


def test_hydrogen_that_rides_is_in_every_file_and_told(tmp_path: Path):
    result = run("solve", str(DATA), *STATED, "--out", str(tmp_path), "--hydrogens")
    assert result.exit_code == 0, result.output
    assert "7 of 7 hydrogen atoms placed" in result.output
    told = json.loads((tmp_path / "cod_2016452.json").read_text())
    assert told["r1_with_hydrogens"] < told["r1"] - 0.02
    sites = gemmi.read_small_structure(str(tmp_path / "cod_2016452.cif")).sites
    assert [site.element.name for site in sites].count("H") == 7
    assert (tmp_path / "cod_2016452.xyz").read_text().count("\nH ") == 7
    instructions = (tmp_path / "cod_2016452.ins").read_text()
    assert [card in instructions for card in ("AFIX 137", "AFIX 23", "AFIX 43", "AFIX 163")] == [True] * 4
    assert "UNIT 28 28 4" in instructions
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert "7 of 7, R1" in page


def test_a_second_crystal_joins_a_folder_and_an_answer_that_holds_is_kept(tmp_path: Path):
    for name in ("one", "two"):
        (tmp_path / f"{name}.hkl.gz").write_bytes(DATA.read_bytes())
    out, words = tmp_path / "out", [*STATED, "--processes", "1", "--json", "--out", str(tmp_path / "out")]
    first = run("solve", str(tmp_path / "one.hkl.gz"), *words)
    refused = run("solve", str(tmp_path / "two.hkl.gz"), *words)
    assert refused.exit_code == 1
    assert "--resume continues it" in refused.output
    assert not (out / "two.cif").exists()
    assert run("solve", str(tmp_path / "two.hkl.gz"), *words, "--resume").exit_code == 0
    page = (out / "index.html").read_text(encoding="utf-8")
    assert '<section class="card" id="crystal-1"><h2>two</h2>' in page
    assert '<section class="card" id="crystal-2"><h2>one</h2>' in page
    assert "2 of 2 trusted" in page
    made = (out / "one.cif").stat().st_mtime_ns
    same = run("solve", str(tmp_path / "one.hkl.gz"), *words, "--resume")
    assert json.loads(same.stdout) == json.loads(first.stdout)
    assert (out / "one.cif").stat().st_mtime_ns == made
    other = run("solve", str(tmp_path / "one.hkl.gz"), *words, "--resume", "--seed", "4")
    assert other.exit_code == 0
    assert (out / "one.cif").stat().st_mtime_ns != made


def test_a_model_that_is_not_trusted_ends_with_3_and_is_a_best_guess(tmp_path: Path):
    words = ["solve", str(DATA), "--cell", STATED[1], "--spacegroup", "P 21", "--d-min", "2.2"]
    words += ["--time-limit", "0.2s", "--processes", "1"]
    result = run(*words, "--out", str(tmp_path / "a"))
    assert result.exit_code == 3, result.output
    assert "not trusted: " in result.output
    assert "best guess: " in result.output
    page = (tmp_path / "a" / "index.html").read_text(encoding="utf-8")
    assert "<h2>Best guess (not trusted)</h2>" in page
    assert "✗ not trusted: best guess" in page
    assert 'class="best-guess"' in page
    assert "NOT TRUSTED" in (tmp_path / "a" / "cod_2016452.cif").read_text()
    assert run(*words, "--out", str(tmp_path / "b"), "--accept-untrusted").exit_code == 0
