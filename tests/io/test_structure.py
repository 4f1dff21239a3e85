"""Structures in and out of CIF, POSCAR, extended XYZ and parquet, and what is refused with which words."""

import gzip
from pathlib import Path

import gemmi
import numpy as np
import pytest

from argand.errors import InputError
from argand.io.structure import expand, read_many, read_structure, write_structure
from argand.physics.crystal.structure import Structure, checked, parameters

QUARTZ = """data_quartz
_cell_length_a 4.9137
_cell_length_b 4.9137
_cell_length_c 5.4047
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 120
_space_group_name_H-M_alt 'P 32 2 1'
loop_
_atom_site_label
_atom_site_type_symbol
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
_atom_site_occupancy
Si1 Si 0.4697 0 0.66667 1
O1 O 0.4135 0.2669 0.7858 1
"""


@pytest.fixture
def monoclinic() -> Structure:
    """Five atoms in a skewed cell that is turned in space."""
    lattice = np.array([[4.1, 0.3, -0.2], [0.5, 5.2, 0.1], [-1.9, 0.4, 6.3]])
    frac = np.array([[0.0, 0.0, 0.0], [0.5, 0.48, 0.02], [0.25, 0.7, 0.5], [0.9, 0.2, 0.45], [0.6, 0.1, 0.8]])
    return checked(lattice, np.array([11, 17, 8, 26, 1]), frac)


def reason(path: Path) -> str:
    """Why a file is refused."""
    with pytest.raises(InputError) as error:
        read_structure(path)
    message = str(error.value)
    assert message.startswith(str(path))
    assert "\n" not in message
    return message


@pytest.mark.parametrize("name", ["a.cif", "a.vasp", "POSCAR", "a.xyz"])
def test_written_structures_are_read_back(tmp_path: Path, monoclinic: Structure, name: str):
    if not name.endswith(".cif"):
        pytest.importorskip("ase")
    path = tmp_path / name
    write_structure(path, monoclinic)
    again = read_structure(path)
    order = np.lexsort(again.frac_coords.T), np.lexsort(monoclinic.frac_coords.T)
    np.testing.assert_allclose(parameters(again.lattice), parameters(monoclinic.lattice), atol=1e-6)
    np.testing.assert_allclose(again.frac_coords[order[0]], monoclinic.frac_coords[order[1]], atol=1e-5)
    np.testing.assert_array_equal(again.species[order[0]], monoclinic.species[order[1]])


def test_symmetry_makes_all_atoms_of_the_cell_each_once(tmp_path: Path):
    path = tmp_path / "quartz.cif"
    path.write_text(QUARTZ)
    quartz = read_structure(path)
    assert quartz.formula == "SiO2"
    assert len(quartz) == 9


def test_listed_operators_count_where_the_group_has_no_name(tmp_path: Path):
    operators = "loop_\n_space_group_symop_operation_xyz\n"
    operators += "\n".join(f"'{op.triplet()}'" for op in gemmi.SpaceGroup("P 32 2 1").operations())
    path = tmp_path / "quartz.cif"
    path.write_text(QUARTZ.replace("_space_group_name_H-M_alt 'P 32 2 1'", operators))
    assert len(read_structure(path)) == 9


@pytest.mark.parametrize(
    "content",
    [
        gzip.compress(QUARTZ.encode()),
        b"\xef\xbb\xbf" + QUARTZ.encode(),
        "# Å in Latin-1\n".encode("latin-1") + QUARTZ.replace("\n", "\r\n").encode(),
        QUARTZ.replace("_atom_site_label\n", "").replace("Si1 ", "").replace("O1 ", "").encode(),
    ],
    ids=["compressed", "byte order mark", "Latin-1", "no labels"],
)
def test_a_cif_is_read_however_it_is_stored(tmp_path: Path, content: bytes):
    path = tmp_path / "quartz.cif.gz"
    path.write_bytes(content)
    ((name, structure),) = read_many(path)
    assert name == "quartz"
    assert isinstance(structure, Structure)
    assert structure.formula == "SiO2"


def test_each_frame_of_an_xyz_file_is_a_structure(tmp_path: Path):
    frame = '1\nLattice="{} 0 0 0 3 0 0 0 3" Properties=species:S:1:pos:R:3\nCu 0 0 0\n'
    path = tmp_path / "run.extxyz"
    path.write_text(frame.format(3) + frame.format(0) + frame.format(4))
    (first, one), (second, flat), (third, other) = read_many(path)
    assert (first, second, third) == ("run-1", "run-2", "run-3")
    assert isinstance(one, Structure)
    assert isinstance(other, Structure)
    assert (one.volume, other.volume) == (pytest.approx(27), pytest.approx(36))
    assert "no volume" in str(flat)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("0.7858 1", "0.7858 0.5", "occupied by 0.5 only"),
        ("O1 O ", "D1 D ", "deuterium"),
        ("O1 O ", "Xy1 Xy ", "unknown element 'Xy'"),
        ("O1 O 0.4135 0.2669 0.7858", "O1 O 0.4697 0.01 0.66", "are too close"),
        ("_cell_length_c 5.4047", "_cell_length_c 0", "no volume"),
        ("_cell_length_c 5.4047", "_cell_length_c -5.4047", "no volume"),
        ("_cell_angle_gamma 120", "_cell_angle_gamma 180", "no volume"),
        ("P 32 2 1", "P nonsense", "space group 'P nonsense' is unknown"),
        ("Si1 Si 0.4697 0 0.66667 1\nO1 O 0.4135 0.2669 0.7858 1\n", "", "no atoms"),
        ("0.2669", "?", "not a finite number"),
        ("data_quartz", "quartz", "not a CIF"),
    ],
)
def test_a_bad_cif_is_refused_in_one_line(tmp_path: Path, old: str, new: str, words: str):
    path = tmp_path / "bad.cif"
    path.write_text(QUARTZ.replace(old, new))
    assert words in reason(path)


def test_a_cell_beyond_the_largest_is_refused(tmp_path: Path):
    path = tmp_path / "quartz.cif"
    path.write_text(QUARTZ)
    with pytest.raises(InputError, match="exceed the largest supported cell of 8"):
        read_structure(path, max_atoms=8)


def test_a_flat_lattice_and_unknown_elements_are_refused():
    place, one = np.zeros((1, 3)), np.array([6])
    flat = np.array([[3.0, 0.0, 0.0], [0.0, 3.0, 0.0], [3.0, 3.0, 0.0]])
    for lattice, species, words in ((flat, one, "no volume"), (3 * np.eye(3), np.array([0]), "number 0")):
        with pytest.raises(InputError, match=words):
            checked(lattice, species, place)
    with pytest.raises(InputError, match="no atoms"):
        checked(3 * np.eye(3), one[:0], place[:0])


def test_rows_of_a_parquet_file_keep_their_names_and_errors(tmp_path: Path, monoclinic: Structure):
    arrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    good = {
        "material_id": "good",
        "lattice": monoclinic.lattice.ravel(),
        "species": monoclinic.species,
        "frac_coords": monoclinic.frac_coords.ravel(),
    }
    bad = {**good, "material_id": "bad", "species": np.array([], np.uint8), "frac_coords": np.array([])}
    rows = [
        {key: list(v) if isinstance(v, np.ndarray) else v for key, v in one.items()} for one in (good, bad)
    ]
    path = tmp_path / "rows.parquet"
    parquet.write_table(arrow.Table.from_pylist(rows), path)
    (first, structure), (second, error) = read_many(path)
    assert (first, second) == ("good", "bad")
    assert isinstance(structure, Structure)
    np.testing.assert_allclose(structure.frac_coords, monoclinic.frac_coords)
    assert "no atoms" in str(error)


def test_patterns_name_files_once_and_nothing_is_told_and_left_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    for name in ("a.cif", "b.cif", "POSCAR", "notes.txt"):
        (tmp_path / name).touch()
    found = expand([str(tmp_path), str(tmp_path / "*.cif")])
    assert sorted(path.name for path in found) == ["POSCAR", "a.cif", "b.cif"]
    absent = [str(tmp_path / "*.vasp"), "", "\0", "x" * 5000, "**x", "[z-a]"]
    assert expand([*absent, str(tmp_path / "a.cif")]) == [tmp_path / "a.cif"]
    assert caplog.text.count("no structures there") == len(absent)


def test_foreign_content_is_refused_in_one_line(tmp_path: Path):
    pytest.importorskip("ase")
    for name in ("a.cif", "a.vasp", "a.xyz", "a.parquet"):
        path = tmp_path / name
        (tmp_path / "a.cif.gz").write_bytes(b"\x1f\x8b cut short")
        path.write_bytes(b"\x00\xff nothing of the kind\n" * 3)
        assert reason(path)
    assert "compressed file is damaged" in reason(tmp_path / "a.cif.gz")
    partial = tmp_path / "plain.xyz"
    partial.write_text("1\nno lattice here\nC 0 0 0\n")
    assert "no volume" in reason(partial)


@pytest.mark.parametrize("name", ["a.xyz", "a.cif", "a.vasp", "a.parquet"])
@pytest.mark.parametrize("text", ["", "\n \n"])
def test_a_file_with_nothing_in_it_is_one_failure(tmp_path: Path, name: str, text: str):
    path = tmp_path / name
    path.write_text(text)
    if name == "a.parquet":
        arrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
        columns = dict.fromkeys(
            ("lattice", "species", "frac_coords"), arrow.array([], arrow.list_(arrow.float64()))
        )
        parquet.write_table(arrow.table(columns), path)
    ((_, found),) = read_many(path)
    assert isinstance(found, InputError)
    assert str(found).startswith(f"{path}: ")
    assert "report" not in str(found)
