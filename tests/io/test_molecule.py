"""Molecules from PDB, mmCIF and trajectories."""

import gzip
from importlib.util import find_spec
from pathlib import Path

import gemmi
import numpy as np
import pytest

from argand.errors import InputError, MissingExtraError
from argand.io import molecule as module
from argand.io.molecule import read_molecule

ATOMS = (
    ("N", "SER", 1, " ", (0.0, 0.0, 0.0), 1.0, "N"),
    ("CA", "SER", 1, " ", (1.5, 0.0, 0.0), 1.0, "C"),
    ("OG", "SER", 1, "A", (2.0, 1.0, 0.0), 0.4, "O"),
    ("OG", "SER", 1, "B", (2.0, -1.0, 0.0), 0.6, "O"),
    ("HG", "SER", 1, " ", (2.5, -1.0, 0.0), 1.0, "H"),
    ("ZN", "ZN", 2, " ", (5.0, 0.0, 1.0), 1.0, "ZN"),
    ("O", "HOH", 3, " ", (9.0, 9.0, 9.0), 1.0, "O"),
)


def line(number: int, atom: tuple) -> str:
    """One atom of a PDB file."""
    name, residue, place, letter, (x, y, z), occupancy, element = atom
    # One-letter elements begin in column 14.
    padded = f"{name:<4}" if len(element.strip()) == 2 or len(name) == 4 else f" {name:<3}"
    return (
        f"HETATM{number:5d} {padded}{letter}{residue:>3} A{place:4d}    "
        f"{x:8.3f}{y:8.3f}{z:8.3f}{occupancy:6.2f}{10.0:6.2f}          {element:>2}"
    )


def pdb(*models: tuple) -> str:
    """A PDB file of these models."""
    parts = []
    for number, atoms in enumerate(models, start=1):
        parts += [
            f"MODEL     {number:4d}",
            *(line(i, atom) for i, atom in enumerate(atoms, start=1)),
            "ENDMDL",
        ]
    return "\n".join([*parts, "END", ""])


def moved(atoms: tuple, by: float) -> tuple:
    """The same atoms, elsewhere."""
    return tuple((*a[:4], tuple(x + by for x in a[4]), *a[5:]) for a in atoms)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "one.pdb"
    path.write_text(pdb(ATOMS, moved(ATOMS, 1.0)))
    return path


def test_all_models_are_read_and_hydrogens_and_ions_are_kept_but_no_water(file: Path):
    found = read_molecule(str(file))
    assert found.elements == ("N", "C", "O", "H", "Zn")
    assert found.frames.shape == (2, 5, 3)
    np.testing.assert_allclose(found.frames[1] - found.frames[0], 1.0)
    assert found.notes == ("atoms at other alternate locations left out: 1", "waters left out: 1")


def test_of_alternate_locations_the_one_with_the_highest_occupancy_stays(file: Path, tmp_path: Path):
    np.testing.assert_allclose(read_molecule(str(file)).frames[0, 2], (2.0, -1.0, 0.0))
    equal = tuple((*a[:5], 0.5, a[6]) if a[3] != " " else a for a in ATOMS)
    other = tmp_path / "equal.pdb"
    other.write_text(pdb(equal))
    np.testing.assert_allclose(read_molecule(str(other)).frames[0, 2], (2.0, 1.0, 0.0))


def test_mmcif_and_compressed_files_give_the_same(file: Path, tmp_path: Path):
    known = read_molecule(str(file))
    structure = gemmi.read_structure(str(file))
    structure.setup_entities()
    (tmp_path / "one.cif").write_text(structure.make_mmcif_document().as_string())
    (tmp_path / "packed.pdb.gz").write_bytes(gzip.compress(file.read_bytes()))
    for name in ("one.cif", "packed.pdb.gz"):
        found = read_molecule(str(tmp_path / name))
        assert found.elements == known.elements
        np.testing.assert_allclose(found.frames, known.frames)


def test_elements_come_from_names_where_their_column_is_blank(file: Path, tmp_path: Path):
    blank = tmp_path / "blank.pdb"
    blank.write_text("\n".join(row[:76] for row in file.read_text().splitlines()) + "\n")
    assert read_molecule(str(blank)).elements == read_molecule(str(file)).elements


def test_a_molecule_without_hydrogens_says_so(tmp_path: Path):
    path = tmp_path / "bare.pdb"
    path.write_text(pdb(tuple(a for a in ATOMS if a[6] != "H")))
    assert "no hydrogens" in read_molecule(str(path)).notes[-1]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            pdb((*ATOMS, ("XX", "UNK", 4, " ", (1.0, 1.0, 1.0), 1.0, " X"))),
            "XX of residue UNK 4 is of an unknown",
        ),
        (pdb(ATOMS, ATOMS[:-3]), "model 2 has other atoms"),
        (pdb((ATOMS[-1],)), "no atoms there"),
        ("nothing of the kind", "no atoms there|cannot|can be read"),
    ],
)
def test_what_is_no_molecule_is_one_line(tmp_path: Path, text: str, message: str):
    path = tmp_path / "bad.pdb"
    path.write_text(text)
    with pytest.raises(InputError, match=message) as caught:
        read_molecule(str(path))
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


def test_a_file_that_is_not_there_is_one_line(file: Path):
    for name in ("gone.pdb", f"{file}:gone.dcd"):
        with pytest.raises(InputError, match="no such file"):
            read_molecule(name)


def test_a_trajectory_needs_its_extra(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "run.dcd").write_bytes(b"")
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"argand\[trajectory\]"):
        read_molecule(f"{file}:{tmp_path / 'run.dcd'}")


@pytest.mark.skipif(find_spec("MDAnalysis") is None, reason="the extra trajectory is not installed")
def test_a_trajectory_gives_its_frames_without_the_solution(tmp_path: Path):
    import MDAnalysis

    plain = [a for a in ATOMS if a[3] in " B" and a[0] != "ZN"]
    atoms = (*plain, ("NA", "NA", 4, " ", (8.0, 1.0, 1.0), 1.0, "NA"))
    top, run = tmp_path / "top.pdb", tmp_path / "run.dcd"
    top.write_text(pdb(tuple((*a[:3], " ", *a[4:]) for a in atoms)))
    universe = MDAnalysis.Universe(str(top))
    with MDAnalysis.Writer(str(run), len(atoms)) as writer:
        for shift in (0.0, 1.0, 2.0):
            universe.atoms.positions = np.array([a[4] for a in atoms]) + shift
            writer.write(universe.atoms)
    found = read_molecule(f"{top}:{run}")
    assert found.elements == ("N", "C", "O", "H")
    assert found.frames.shape == (3, 4, 3)
    np.testing.assert_allclose(found.frames[2] - found.frames[0], 2.0, atol=1e-5)
    assert found.notes == ("waters left out: 1", "ions of the solution left out: 1")
    run.write_bytes(b"no frames")
    with pytest.raises(InputError, match="MDAnalysis cannot read"):
        read_molecule(f"{top}:{run}")
